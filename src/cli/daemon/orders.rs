//! Following orders to their end, and telling each change.

use std::time::Duration;

use super::{Daemon, Unanswered, clean};
use crate::cli::{Failure, Output};
use crate::export::{OrderAnswer, Reply, Request};
use crate::kernel;
use crate::record::show_duration;

/// How long they are followed where nobody says: a minute to go out, and a minute's grace of a kill.
pub(in crate::cli) const ORDERS_MOST: Duration = Duration::from_secs(120);

/// So many are asked for at once: a request is a line of at most 4 KiB.
const AT_ONCE: usize = 128;

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(100);

impl Daemon {
    /// Has it order something, or tell what has become of orders.
    pub(in crate::cli) fn ordered(&self, request: &Request) -> Result<Vec<OrderAnswer>, Unanswered> {
        match self.ask(request)? {
            Reply::Ordered(orders) => Ok(orders),
            Reply::Refused(why) => Err(Unanswered::Failed(Failure::runtime(clean(&why)))),
            Reply::Done(_) | Reply::Leases(_) | Reply::Status(_) => Err(Unanswered::Failed(self.stranger())),
        }
    }

    /// What has become of them by now.
    fn become_of(&self, orders: &[OrderAnswer]) -> Result<Vec<OrderAnswer>, Unanswered> {
        let mut now = Vec::with_capacity(orders.len());
        for some in orders.chunks(AT_ONCE) {
            now.extend(self.ordered(&Request::Orders(some.iter().map(|order| order.order).collect()))?);
        }
        Ok(now)
    }

    /// Prints what changes until nothing more comes of any of them. An error where one was not done,
    /// or is not over after `most`.
    pub(in crate::cli) fn follow_orders(
        &self,
        orders: Vec<OrderAnswer>,
        most: Duration,
        output: &mut Output,
    ) -> Result<(), Failure> {
        let begin = kernel::now();
        for order in &orders {
            output.line(clean(&order.text))?;
        }
        let all = orders.len();
        let (mut open, over): (Vec<_>, Vec<_>) = orders.into_iter().partition(|order| !order.over);
        let mut failed = over.iter().filter(|order| !order.done).count();
        while !open.is_empty() && kernel::now().since(begin) < most {
            std::thread::sleep(PAUSE);
            let now = self.become_of(&open)?;
            let news = now.iter().filter(|order| !open.iter().any(|before| before == *order));
            news.map(|order| clean(&order.text)).try_for_each(|text| output.line(text))?;
            failed += now.iter().filter(|order| order.over && !order.done).count();
            open = now.into_iter().filter(|order| !order.over).collect();
        }
        if !open.is_empty() {
            return Err(Failure::runtime(format!(
                "{} of {all} not over after {}; tradedog goes on with it: tradedog status shows how it stands",
                open.len(),
                show_duration(most),
            )));
        }
        if failed > 0 { Err(Failure::runtime(format!("{failed} of {all} not done"))) } else { Ok(()) }
    }
}
