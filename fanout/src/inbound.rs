//! What a socket's peer says: questions are answered here, everything else goes to admission.

use nats::BrokerError;
use schemas::caller::{Admitted, Registered};
use schemas::client::{self, ClientMessage, Incoming, Resume, Subscribe};
use schemas::codec::Codec;
use schemas::error::{Close, Refusal};
use schemas::lobby::LobbyStatus;
use schemas::note::Present;
use schemas::rules::Goes;
use schemas::secrets::token_hash;
use schemas::server::ServerMessage;
use schemas::{Code, Millis, Partition, PersonId, PollId, SessionId};
use std::sync::Arc;
use tungstenite::Message;

use crate::connection::Connection;
use crate::hub::Hub;
use crate::metrics;
use crate::out::{Out, Place};
use crate::subscribe::{Placed, Seen, own_vote, place, sessions_list, wait_for_place};

/// What came of a message that the socket waited for.
pub enum Done {
    /// `shown`: the SHA-256 of the token that came with it.
    Admitted {
        message_id: Option<String>,
        result: Result<Admitted, Refusal>,
        hub: Option<Arc<Hub>>,
        shown: Option<String>,
    },
    Entered {
        message_id: Option<String>,
        resume: Option<Resume>,
        entered: Result<Entered, Refusal>,
    },
}

pub struct Entered {
    hub: Arc<Hub>,
    mine: Option<(PollId, u32)>,
}

impl Connection {
    /// Takes one frame. Gives a reason where the socket is to be closed.
    pub(crate) fn inbound(&mut self, frame: Message) -> Option<Close> {
        let codec = self.line.with(|out| out.flavour.codec);
        let decoded = match (&frame, codec) {
            (Message::Text(text), Codec::Json) => client::decode(Codec::Json, text.as_bytes()),
            (Message::Binary(bytes), Codec::MsgPack) => client::decode(Codec::MsgPack, bytes),
            _ => Err(client::Undecodable { message_id: None, refusal: Code::InvalidMessage.into() }),
        };
        metrics::received();
        match decoded {
            Ok(incoming)
                if !matches!(incoming.message, ClientMessage::SendBulkLike(_))
                    && frame.len() > self.fanout.inner.config.max_message_bytes =>
            {
                Some(Close::TooLarge)
            }
            Ok(incoming) => self.take(incoming),
            Err(undecodable) => self.refuse(undecodable),
        }
    }

    fn say(&self, message: &ServerMessage) {
        self.line.with(|out| out.say(message));
    }

    fn answer(&self, message_id: Option<String>, result: &Result<Admitted, Refusal>) {
        self.line.with(|out| out.answer(message_id, result));
    }

    fn refuse(&mut self, undecodable: client::Undecodable) -> Option<Close> {
        metrics::bad_frame();
        if undecodable.refusal.code == Code::TooLarge {
            return Some(Close::TooLarge);
        }
        self.answer(undecodable.message_id, &Err(undecodable.refusal));
        self.bad_frame()
    }

    fn take(&mut self, incoming: Incoming) -> Option<Close> {
        let Incoming { message_id, message } = incoming;
        let kind = message.kind();
        if kind.rule().goes == Goes::Answer && !matches!(message, ClientMessage::Ping) && !self.may_ask() {
            self.answer(message_id, &Err(Code::Rate.into()));
            return None;
        }
        match message {
            ClientMessage::Ping => self.say(&ServerMessage::Pong { timestamp: Millis::now() }),
            ClientMessage::GetSessions => {
                let own = self.caller.subscribed.as_ref().and_then(|id| self.fanout.inner.hubs.known(id));
                let list = sessions_list(&self.fanout.inner.lobby, own.as_ref().map(|hub| hub.session()), Millis::now());
                self.say(&list);
            }
            ClientMessage::ValidateSession(validate) => {
                let entry = self.fanout.inner.lobby.get(&validate.session_id);
                let is_valid = entry.is_some_and(|e| e.record.status != LobbyStatus::Ended);
                self.say(&ServerMessage::SessionValid { session_id: validate.session_id, is_valid });
            }
            ClientMessage::Subscribe(subscribe) => {
                self.subscribe(message_id, subscribe);
                return None;
            }
            message => {
                self.admit(Incoming { message_id, message });
                return None;
            }
        }
        self.answer(message_id, &Ok(Admitted::Stored(None)));
        None
    }

    fn admit(&mut self, incoming: Incoming) {
        let message_id = incoming.message_id.clone();
        let goes = incoming.message.kind().rule().goes;
        let shown = match &incoming.message {
            ClientMessage::RegisterSession(register) => register.token.as_deref().map(token_hash),
            _ => None,
        };
        let work = self.fanout.inner.admit.accept(self.caller.clone(), incoming);
        if goes == Goes::In {
            self.claims.push(Box::pin(async move { (message_id, work.await) }));
            return;
        }
        let hubs = self.fanout.inner.hubs.clone();
        self.slow = Some(Box::pin(async move {
            let mut result = work.await;
            let mut hub = None;
            if let Ok(Admitted::Registered(registered)) = &result {
                match hubs.enter(&registered.session).await {
                    Ok(entered) => hub = Some(entered),
                    Err(_) => result = Err(Code::Unavailable.into()),
                }
            }
            Done::Admitted { message_id, result, hub, shown }
        }));
    }

    fn subscribe(&mut self, message_id: Option<String>, subscribe: Subscribe) {
        let positions = self.line.with(|out| {
            out.flavour.positions |= subscribe.resume.is_some_and(|r| r != Resume::Wanted(false));
            out.flavour.positions
        });
        let Some(id) = subscribe.session_id else {
            let list = sessions_list(&self.fanout.inner.lobby, None, Millis::now());
            if positions {
                // A place in no session: the epoch is that of the log as a whole, told by its first stream.
                let epoch = self.fanout.inner.broker.epoch(Partition(0));
                self.say(&ServerMessage::Subscribed { session_id: None, epoch, at: 0, recovered: false, reason: None });
            }
            self.say(&list);
            return self.answer(message_id, &Ok(Admitted::Stored(None)));
        };
        let (hubs, broker) = (self.fanout.inner.hubs.clone(), self.fanout.inner.broker.clone());
        let (person, known) = (self.caller.person, self.caller.known);
        self.slow = Some(Box::pin(async move {
            let entered = async {
                let hub = hubs.enter(&id).await?;
                wait_for_place(&broker, hub.session(), subscribe.resume).await?;
                // Somebody new cannot have voted, so nobody is asked.
                let mine = if known { own_vote(&broker, hub.session(), person).await } else { None };
                Ok::<_, BrokerError>(Entered { hub, mine })
            };
            let entered = entered.await.map_err(|_| Code::Unavailable.into());
            Done::Entered { message_id, resume: subscribe.resume, entered }
        }));
    }

    pub(crate) fn finish(&mut self, done: Done) -> Option<Close> {
        let line = self.line.clone();
        // What is told of a moment and the place on the board at that moment belong together: one lock for both.
        line.with(|out| match done {
            Done::Admitted { message_id, result, hub, shown } => {
                if let (Ok(Admitted::Registered(registered)), Some(hub)) = (&result, hub) {
                    self.bind(shown.filter(|_| registered.authenticated));
                    self.become_dj(out, registered, hub);
                }
                out.answer(message_id, &result);
                None
            }
            Done::Entered { message_id, resume, entered: Ok(entered) } => {
                self.enter(out, entered, resume);
                out.answer(message_id, &Ok(Admitted::Stored(None)));
                None
            }
            Done::Entered { message_id, entered: Err(refusal), .. } => {
                // Today's clients subscribe once per connection: closed with a code that says come back, they try again.
                out.answer(message_id, &Err(refusal));
                Some(Close::Unavailable)
            }
        })
    }

    fn enter(&mut self, out: &mut Out, entered: Entered, resume: Option<Resume>) {
        let Entered { hub, mine } = entered;
        let (id, person) = (hub.id().clone(), self.caller.person);
        leave_subscription(out, &id, person);
        let (ticket, placed) = hub.join(Present::Dancer(person), self.line.clone(), &self.fanout.inner.hubs, |board, session| {
            place(board, &Seen::of(session), resume, mine, Millis::now())
        });
        match out.places.iter_mut().find(|place| Arc::ptr_eq(&place.hub, &hub)) {
            Some(place) => {
                place.cursor = placed.cursor.of_dj(place.dj.is_some());
                hub.leave_dancer(place.dancer.replace(ticket), person);
            }
            None => out.places.push(Place { hub: hub.clone(), cursor: placed.cursor, dancer: Some(ticket), dj: None }),
        }
        Arc::make_mut(&mut self.caller).subscribed = Some(id.clone());
        metrics::subscribed(outcome(&placed));
        let Placed { subscribed, state, .. } = placed;
        subscribed.iter().for_each(|message| out.say(message));
        out.say(&sessions_list(&self.fanout.inner.lobby, Some(hub.session()), Millis::now()));
        out.say(&ServerMessage::ListenerCount { session_id: id, count: hub.listeners() });
        state.iter().for_each(|message| out.say(message));
    }

    fn become_dj(&mut self, out: &mut Out, registered: &Registered, hub: Arc<Hub>) {
        let caller = Arc::make_mut(&mut self.caller);
        caller.dj = registered.dj.clone().or(caller.dj.take());
        if !caller.owns(&registered.session, registered.begin) {
            caller.owned.retain(|(session, _)| *session != registered.session);
            caller.owned.push((registered.session.clone(), registered.begin));
        }
        out.say(&ServerMessage::SessionRegistered {
            session_id: registered.session.clone(),
            dj_name: registered.dj_name.clone(),
            authenticated: registered.authenticated,
        });
        let heard = out.heard.as_ref().is_some_and(|(s, begin)| *s == registered.session && *begin == registered.begin);
        let person = self.caller.person;
        let (ticket, cursor) = hub.join(Present::Dj(person), self.line.clone(), &self.fanout.inner.hubs, |board, session| {
            let last = session.view().last;
            // A run that began with this very message is still to be heard by its DJ; one that went on is not said again.
            let fresh = last == registered.begin && !heard && board.covers(registered.begin.saturating_sub(1));
            board.cursor(if fresh { registered.begin.saturating_sub(1) } else { last }).of_dj(true)
        });
        match out.places.iter_mut().find(|place| *place.hub.id() == registered.session) {
            Some(place) => {
                place.cursor = place.cursor.of_dj(true);
                hub.leave_dj(place.dj.replace(ticket), person);
            }
            None => out.places.push(Place { hub, cursor, dancer: None, dj: Some(ticket) }),
        }
    }
}

/// A socket follows one session as a dancer; the one before is left.
fn leave_subscription(out: &mut Out, unless: &SessionId, person: PersonId) {
    for place in out.places.iter_mut().filter(|place| place.hub.id() != unless) {
        place.hub.leave_dancer(place.dancer.take(), person);
    }
    out.places.retain(|place| place.dancer.is_some() || place.dj.is_some());
}

fn outcome(placed: &Placed) -> &'static str {
    match &placed.subscribed {
        Some(ServerMessage::Subscribed { recovered: true, .. }) => "recovered",
        Some(ServerMessage::Subscribed { reason: Some(_), .. }) => "refused",
        Some(_) | None => "state",
    }
}
