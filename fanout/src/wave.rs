//! What comes to everybody of a hub at one moment. Nearly all sockets have heard the same, so the bytes for them are put
//! together once for each form, and each of them costs one write.

use std::sync::{Arc, OnceLock};

use schemas::limits::SOCKET_BYTES;

use crate::board::{Board, Cursor, Pulled};
use crate::delivery::{Delivery, FORMS, Flavour};
use crate::frames::Frames;
use crate::hub::Hub;

pub struct Wave {
    hub: Arc<Hub>,
    /// Who stands here is carried to `to`. Nothing: everybody pulls for themselves.
    from: Option<Cursor>,
    pub to: Cursor,
    list: Vec<Arc<Delivery>>,
    frames: [OnceLock<Frames>; FORMS],
}

impl Wave {
    /// What is new for who has heard all before, who stands at `reached`; moves that place. Nothing where nothing is new.
    pub fn since(hub: &Arc<Hub>, board: &Board, reached: &mut Cursor) -> Option<Wave> {
        let mut to = *reached;
        let (from, list) = match board.pull(&mut to, SOCKET_BYTES) {
            Pulled::Deliveries { list, more: false } if list.is_empty() => return None,
            Pulled::Deliveries { list, more: false } => (Some(*reached), list),
            Pulled::Deliveries { more: true, .. } | Pulled::Missed => {
                to = board.here();
                (None, Vec::new())
            }
        };
        *reached = to;
        Some(Wave { hub: hub.clone(), from, to, list, frames: Default::default() })
    }

    pub fn is_for(&self, hub: &Arc<Hub>, at: &Cursor) -> bool {
        Arc::ptr_eq(&self.hub, hub) && self.from.as_ref() == Some(at)
    }

    pub fn frames(&self, flavour: Flavour) -> &Frames {
        self.frames[flavour.form()].get_or_init(|| match &self.list[..] {
            [one] => one.frames(flavour).clone(),
            many => Frames::together(many.iter().map(|delivery| delivery.frames(flavour))),
        })
    }
}
