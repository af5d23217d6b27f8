//! The courier once it is needed: where no measure is slow there is no thread for them.

use std::io;
use std::sync::Arc;

use super::courier::{Courier, Full};
use super::end::End;
use crate::config::Config;
use crate::kernel::Error;
use crate::model::{Measure, Moment, Order, Outcome};

/// Hands slow measures to the courier, and starts it.
pub(super) struct Slow {
    series: u64,
    wake: Arc<dyn Fn() + Send + Sync>,
    courier: Option<Courier>,
}

impl Slow {
    pub(super) fn new(series: u64, wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self { series, wake: Arc::new(wake), courier: None }
    }

    /// Starts the courier where the configuration may need it: when it does, the host may have nothing
    /// left to start it with.
    pub(super) fn prepare(&mut self, config: &Config) -> Result<(), Error> {
        let actions = config.targets.iter().flat_map(|target| &target.actions);
        let measures =
            actions.flat_map(|action| [Some(&action.measure), action.undo.as_ref().map(|undo| &undo.measure)]);
        let needed = measures.flatten().any(|measure| matches!(measure, Measure::Http(_) | Measure::Command(_)));
        let started = if needed { self.courier().map(drop) } else { Ok(()) };
        started.map_err(|error| error.raw_os_error().map_or(Error::Malformed("a thread for deliveries"), Error::Os))
    }

    fn courier(&mut self) -> io::Result<&mut Courier> {
        let courier = match self.courier.take() {
            Some(courier) => courier,
            None => {
                let wake = Arc::clone(&self.wake);
                Courier::start(self.series, move || wake())?
            }
        };
        Ok(self.courier.insert(courier))
    }

    /// Hands the order over; its outcome comes from [`Slow::advance`].
    pub(super) fn send(&mut self, order: &Arc<Order>, now: Moment) -> Result<(), End> {
        let courier = self.courier().map_err(|error| End::refused(format!("no thread to deliver it: {error}")))?;
        courier.send(order, now).map_err(|Full| End::queue_full())
    }

    pub(super) fn advance(&mut self, now: Moment, outcomes: &mut Vec<Outcome>) {
        if let Some(courier) = &mut self.courier {
            courier.advance(now, outcomes);
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Moment> {
        self.courier.as_ref().and_then(Courier::next_deadline)
    }
}
