//! Events to the targets of `[[notify]]`.

use super::message::Message;
use super::{NotifyTarget, templates};
use crate::Error;
use crate::outbound::{Delivery, Event, EventKind, Source};
use crate::service::{Ledger, RequestState};

/// The targets of the settings.
#[derive(Debug)]
pub struct Webhooks {
    targets: Vec<NotifyTarget>,
}

impl Webhooks {
    /// A source for these targets.
    #[must_use]
    pub fn new(targets: Vec<NotifyTarget>) -> Self {
        Self { targets }
    }
}

impl Source for Webhooks {
    fn wanted(&self) -> bool {
        !self.targets.is_empty()
    }

    fn deliveries(&self, ledger: &Ledger, event: &Event) -> Result<Vec<Delivery>, Error> {
        let wanting = self.targets.iter().filter(|target| target.wants(event.kind));
        if is_over(ledger, event)? {
            return Ok(Vec::new());
        }
        wanting
            .map(|target| {
                let message = Message::of(ledger, event, Some(target))?;
                // Nobody needs to be told of a request that can't be answered any more.
                let opened = event.kind == EventKind::RequestOpened;
                let expires = message.deadline.filter(|_| opened);
                Ok(Delivery { expires, ..templates::delivery(target, &message) })
            })
            .collect()
    }
}

/// Whether a request that was opened has been answered or ended since.
pub(super) fn is_over(ledger: &Ledger, event: &Event) -> Result<bool, Error> {
    match (&event.request, event.kind) {
        (Some(request), EventKind::RequestOpened) => {
            Ok(ledger.row(request)?.state != RequestState::Open)
        }
        _ => Ok(false),
    }
}
