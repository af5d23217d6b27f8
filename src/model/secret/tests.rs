use super::*;

fn shown(url: &str) -> String {
    Url::from(url).to_string()
}

#[test]
fn what_is_plain_is_shown() {
    for url in [
        "http://127.0.0.1:8080/admin/websocket/disable",
        "https://trader.example/api/v1/sessions/7/pause",
        "http://[::1]:8080/",
        "http://h",
        "http://h:1/Admin/sendMessage/API/pool2",
        "http://h/disable_websocket-now.html",
        "/admin/pause",
        "",
    ] {
        assert_eq!(shown(url), url);
    }
}

#[test]
fn what_may_be_a_secret_is_hidden() {
    for (url, expected) in [
        ("http://me:s3cret@h:8080/pause", "http://[hidden]@h:8080/pause"),
        ("http://me@h/", "http://[hidden]@h/"),
        ("http://me:s3/cr@et@h:1/pause", "http://[hidden]@h:1/pause"),
        ("https://h/pause?token=s3cret&x=&dry", "https://h/pause?token=[hidden]&x=&[hidden]"),
        ("https://h?s3cret9x=1", "https://h?[hidden]=[hidden]"),
        ("https://h/pause?a=b=c", "https://h/pause?a=[hidden]"),
        ("https://h/pause#s3cret", "https://h/pause#[hidden]"),
        (
            "https://hooks.example/services/T024BE7LD/B0/XXnHlqkZ7tYh0aPZcQvR",
            "https://hooks.example/services/[hidden]/B0/[hidden]",
        ),
        ("https://h/api/webhooks/987654321098765432/a-Bc_9", "https://h/api/webhooks/[hidden]/[hidden]"),
        ("https://h/bot123456:AAF-x/sendMessage", "https://h/[hidden]/sendMessage"),
        ("https://h/ping/9d9e7a5e-1d3c-4a7a-8a0e-0b1c2d3e4f50", "https://h/ping/[hidden]"),
        ("https://h/ping/1234-5678-9012", "https://h/ping/[hidden]"),
        ("https://h/aXbYcZdW/x%2fy", "https://h/[hidden]/[hidden]"),
        ("https://h/qwertyuiopasdfghjk", "https://h/[hidden]"),
        ("https://h/ünder/ok", "https://h/[hidden]/ok"),
    ] {
        assert_eq!(shown(url), expected);
        assert_eq!(format!("{:?}", Url::from(url)), format!("{expected:?}"));
        assert_eq!(Url::from(url).as_written(), url);
    }
}

#[test]
fn urls_are_found_in_a_text() {
    for (text, expected) in [
        ("curl -d x https://h/T0K3N99/x 'http://a:b@h'", "curl -d x https://h/[hidden]/x 'http://[hidden]@h'"),
        ("--url=https://h?t=1, and no more", "--url=https://h?t=[hidden] and no more"),
        ("é://h/s3cr3t99 ://", "é://h/[hidden] ://"),
        ("no url, not/even/s3cr3t99", "no url, not/even/s3cr3t99"),
    ] {
        assert_eq!(without_secrets(text), expected);
    }
}

#[test]
fn an_answer_repeats_no_secret() {
    let url = Url::from("https://me:pass-word@h/services/XXnHlqkZ7tYh/B0?key=abcdef");
    assert_eq!(url.secrets().collect::<Vec<_>>(), ["me:pass-word", "XXnHlqkZ7tYh", "abcdef"]);
    let told = |text: &str| String::from_utf8(withheld(text.as_bytes(), url.secrets().map(str::as_bytes))).unwrap();
    assert_eq!(told("Cannot POST /services/XXnHlqkZ7tYh/B0"), "Cannot POST /services/[withheld]");
    assert_eq!(told("no such key: abcdef"), "no such key: [withheld]");
    assert_eq!(told("no such service"), "no such service");
    assert_eq!(withheld(b"any", [&b""[..]]), b"any".to_vec());
}

#[test]
fn pieces_of_a_body_that_are_no_words_are_secrets() {
    let body = r#"{"reason": "disable_websocket", "key": "k-12ab34cd56", "n": 12345678}"#;
    assert_eq!(secret_pieces(body).collect::<Vec<_>>(), ["k-12ab34cd56", "12345678"]);
    assert_eq!(secret_pieces("pause").count(), 0);
}

proptest::proptest! {
    #[test]
    fn spans_are_in_order_and_whole_characters(text in "[a-z:/?#@&=é\" ]{0,40}") {
        let mut before = 0;
        for span in secret_spans(&text) {
            assert!(before <= span.start && span.start < span.end && text.get(span.clone()).is_some());
            before = span.end;
        }
        let _ = (without_secrets(&text), Url::from(text.as_str()).to_string());
    }

    #[test]
    fn a_token_in_any_place_is_hidden(token in "[a-z]{2}[0-9][A-Z][a-z0-9]{8,20}") {
        for url in [
            format!("http://x:{token}@h/"), format!("http://h/a/{token}"), format!("http://h/{token}/a"),
            format!("http://h/?t={token}"), format!("http://h?{token}"), format!("http://h/#{token}"),
        ] {
            assert!(!shown(&url).contains(&token[..6]), "{}", shown(&url));
            assert!(!without_secrets(&format!("x '{url}'")).contains(&token[..6]));
        }
    }
}
