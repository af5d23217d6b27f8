use super::*;

fn trader(mood: Mood) -> Trader {
    Trader::new(Book::open(Peers::open().unwrap()).unwrap(), mood)
}

fn tick(trader: &mut Trader, times: u32) -> Vec<String> {
    (0..times).filter_map(|_| trader.tick()).collect()
}

/// What is lost in a second.
fn pace(trader: &mut Trader) -> usize {
    let before = trader.book.lost();
    tick(trader, 10);
    trader.book.lost() - before
}

#[test]
fn the_market_turns_wild_after_a_while_and_says_so_once() {
    let mut trader = trader(Mood::Docile);
    assert!(tick(&mut trader, CALM_TICKS).is_empty());
    assert_eq!(trader.book.lost(), 0);
    let said = tick(&mut trader, 20);
    assert!(said.len() == 1 && said[0].contains("wild"), "{said:?}");
    assert_eq!(pace(&mut trader), 36);
}

#[test]
fn each_measure_helps_more_than_the_one_before() {
    let mut trader = trader(Mood::Docile);
    tick(&mut trader, CALM_TICKS + 30);
    let wild = trader.book.lost();
    assert!(trader.reset_pool().contains("closed"));
    let reset = trader.book.lost();
    assert!(reset < wild && reset > wild / 2, "{reset} of {wild}");
    assert_eq!(pace(&mut trader), 36);
    trader.grant(Wish::DisableWebsocket);
    assert_eq!(pace(&mut trader), 22);
    trader.grant(Wish::Pause);
    let said = tick(&mut trader, 20);
    assert!(trader.book.lost() == 0 && said.len() == 1 && said[0].contains("closed"), "{said:?}");
}

#[test]
fn after_a_pause_it_trades_in_a_calm_market() {
    let mut trader = trader(Mood::Docile);
    tick(&mut trader, CALM_TICKS + 10);
    trader.grant(Wish::DisableWebsocket);
    trader.grant(Wish::Pause);
    tick(&mut trader, 20);
    assert!(trader.grant(Wish::Resume).contains("trading again"));
    assert!(trader.grant(Wish::EnableWebsocket).contains("2 WebSocket contexts"));
    assert!(tick(&mut trader, 60).is_empty());
    assert_eq!((trader.book.lost(), trader.paused), (0, false));
    assert!(trader.stop().is_none());
}

#[test]
fn a_stubborn_one_says_yes_and_leaks_on() {
    let mut trader = trader(Mood::Stubborn);
    tick(&mut trader, CALM_TICKS);
    for wish in [Wish::DisableWebsocket, Wish::Pause, Wish::Resume, Wish::EnableWebsocket] {
        assert!(trader.grant(wish).contains("did nothing"));
    }
    assert!(trader.reset_pool().contains("nothing done"));
    assert!(trader.stop().unwrap().contains("nothing done"));
    assert_eq!(pace(&mut trader), 36);
}

#[test]
fn a_successor_is_calm_and_may_be_told_to_resume() {
    let mut trader = trader(Mood::Calm);
    assert!(tick(&mut trader, CALM_TICKS * 3).is_empty());
    assert_eq!(trader.book.lost(), 0);
    assert!(trader.grant(Wish::Resume).contains("was not paused"));
    assert!(trader.grant(Wish::EnableWebsocket).contains("2 WebSocket contexts"));
}

#[test]
fn trouble_is_told_once_while_it_lasts() {
    let mut trader = trader(Mood::Calm);
    let nowhere = (std::net::Ipv4Addr::LOCALHOST, 1).into();
    trader.book.unsubscribe();
    trader.book.move_to(Peers { broker: nowhere, database: nowhere });
    let said = tick(&mut trader, 5);
    assert!(said.len() == 1 && said[0].starts_with("in trouble"), "{said:?}");
}
