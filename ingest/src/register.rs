//! Going live: a run begins, or its owner comes back to it.

use nats::{BrokerError, Decision, Session};
use schemas::caller::{Caller, Registered};
use schemas::client::RegisterSession;
use schemas::error::Refusal;
use schemas::fact::{Begun, Fact, FactRecord, Owner};
use schemas::note::DjIdentity;
use schemas::rules::Kind;
use schemas::view::{Run, Status, View};
use schemas::{Code, DjName, Millis, OpKey, PersonId, SessionId};

use crate::Ingest;

/// What the name is when neither token nor message has one.
const NAMELESS: &str = "DJ";

/// A claim to be a session's DJ, with everything that may prove it.
struct Claimant<'a> {
    caller: &'a Caller,
    dj: Option<DjIdentity>,
    owner_token: Option<&'a str>,
    dj_name: String,
    /// Whether a socket carries this DJ from now on.
    by_socket: bool,
    /// The run that this very message began is the claimant's.
    repeat: Option<OpKey>,
}

/// What somebody asks for who wants to go live.
pub(crate) struct Opening<'a> {
    pub session: Option<SessionId>,
    pub name: Option<&'a DjName>,
    /// A DJ token, or the ownerToken of the session.
    pub token: Option<&'a str>,
    /// Whether the caller is a socket, whose loss makes the DJ "away".
    pub by_socket: bool,
    /// Whether the messageId is a secret of its sender, which a repeat may prove itself with.
    pub repeatable: bool,
}

enum Standing {
    /// No run goes on, and this claimant may begin one.
    MayBegin,
    /// The run is the claimant's own.
    Owner,
    /// An anonymous run whose owner's socket is gone, claimed from the same address under the same name.
    Heir,
}

impl Ingest {
    pub(crate) async fn register(
        &self,
        caller: &Caller,
        register: &RegisterSession,
        op: Option<OpKey>,
        now: Millis,
    ) -> Result<Registered, Refusal> {
        let token = register.token.as_deref().filter(|t| !t.is_empty());
        let name = register.dj_name.as_ref();
        let opening = Opening { session: register.session_id.clone(), name, token, by_socket: caller.node.is_some(), repeatable: false };
        self.go_live(caller, opening, op, now).await
    }

    /// The publish API's door. A caller without a cookie is somebody new each time, so the budget is their address's.
    pub(crate) async fn begin_over_http(&self, caller: &Caller, opening: Opening<'_>, op: Option<OpKey>) -> Result<Registered, Refusal> {
        if !self.inner.broker.is_open() {
            return Err(Code::Unavailable.into());
        }
        let payer = caller.address.filter(|_| !caller.known).map_or(caller.person, |address| PersonId(address.0));
        let payer = Caller { person: payer, ..caller.clone() };
        self.inner.budgets.spend(Kind::RegisterSession, Kind::RegisterSession.rule().budget, &payer, None)?;
        self.go_live(caller, opening, op, Millis::now()).await
    }

    async fn go_live(&self, caller: &Caller, opening: Opening<'_>, op: Option<OpKey>, now: Millis) -> Result<Registered, Refusal> {
        let Opening { session, name, token, by_socket, repeatable } = opening;
        let owner_token = token.filter(|t| t.starts_with("pk_own_"));
        let dj = match token.filter(|_| owner_token.is_none()) {
            Some(token) => Some(self.inner.tokens.dj(token).await?),
            None => caller.dj.clone(),
        };
        let dj_name = dj.as_ref().map(|dj| dj.name.clone()).or(name.map(|n| n.as_str().to_owned())).unwrap_or(NAMELESS.to_owned());
        let claimant = Claimant { caller, dj, owner_token, dj_name, by_socket, repeat: op.filter(|_| repeatable) };
        let session = self.meet(&session.unwrap_or_else(SessionId::random)).await?;
        // Who owns it, and whether it goes on, is told on the newest view: it may have begun or ended through another process.
        session.catch_up(session.view().last).await.map_err(unavailable)?;
        let standing = self.standing(&claimant, &session).await?;
        let code = match standing {
            Standing::MayBegin => self.inner.broker.reserve_code(session.id()).await.map_err(unavailable)?,
            Standing::Owner | Standing::Heir => String::new(),
        };
        let stored = session.append(|view| self.enter(&claimant, view, &standing, &code, op, now)).await.map_err(nats::Failed::refusal)?;
        let view = session.view();
        if stored.last().is_some_and(|seq| *seq > view.last) {
            // It is stored and not read yet: what would be told is of the run before. A repeat finds it.
            return Err(Code::Unavailable.into());
        }
        let run = view.run.as_ref().ok_or(Refusal::from(Code::Unavailable))?;
        if !code.is_empty() && run.join_code != code {
            // Another copy of this message began the run; its code stands and ours is given back.
            let _ = self.inner.broker.release_code(&code).await;
        }
        Ok(Registered {
            session: session.id().clone(),
            begin: run.begin,
            dj_name: run.dj_name.clone(),
            join_code: run.join_code.clone(),
            authenticated: claimant.dj.is_some(),
            dj: claimant.dj,
        })
    }

    async fn standing(&self, claimant: &Claimant<'_>, session: &Session) -> Result<Standing, Refusal> {
        let view = session.view();
        let Some(run) = &view.run else { return self.may_begin(claimant) };
        if self.proves(claimant, &view, run) {
            return if run.ended() { self.may_begin(claimant) } else { Ok(Standing::Owner) };
        }
        if run.ended() || !could_inherit(claimant, run) {
            return Err(Code::SessionTaken.into());
        }
        // The node that holds the owner's socket pings it, and drops it if it stays silent.
        let alive = self.inner.broker.probe_dj(session.id()).await.map_err(unavailable)?;
        if alive { Err(Code::SessionTaken.into()) } else { Ok(Standing::Heir) }
    }

    fn may_begin(&self, claimant: &Claimant<'_>) -> Result<Standing, Refusal> {
        if claimant.dj.is_some() || self.inner.config.anonymous_djs { Ok(Standing::MayBegin) } else { Err(Code::AnonymousRefused.into()) }
    }

    fn proves(&self, claimant: &Claimant<'_>, view: &View, run: &Run) -> bool {
        let by_token = claimant.owner_token.is_some_and(|token| self.inner.key.owns(token, &view.session, run.begin));
        let caller = Caller { dj: claimant.dj.clone(), ..claimant.caller.clone() };
        let by_repeat = claimant.repeat.is_some() && run.applied(claimant.repeat) == Some(run.begin);
        by_token || by_repeat || caller.owns(&view.session, run.begin) || self.is_owner(&caller, run)
    }

    /// Decided on the view, and decided again if another fact came first.
    fn enter(
        &self,
        claimant: &Claimant<'_>,
        view: &View,
        standing: &Standing,
        code: &str,
        op: Option<OpKey>,
        now: Millis,
    ) -> Result<Decision, Refusal> {
        let append = |fact| Ok(Decision::Append { facts: vec![FactRecord { at: now, op, fact }], timers: vec![] });
        match (view.live(), standing) {
            (Some(run), Standing::Owner) if !matches!(run.status, Status::Away { .. }) && (run.by_socket || !claimant.by_socket) => {
                Ok(Decision::Already(run.begin))
            }
            (Some(run), Standing::Owner) if !claimant.by_socket => Ok(Decision::Already(run.begin)),
            (Some(_), Standing::Owner) => append(Fact::Back { owner: None }),
            (Some(_), Standing::Heir) => append(Fact::Back { owner: Some(self.owner(claimant)) }),
            (Some(run), Standing::MayBegin) if self.proves(claimant, view, run) => Ok(Decision::Already(run.begin)),
            (Some(_), Standing::MayBegin) => Err(Code::SessionTaken.into()),
            (None, Standing::MayBegin) => append(Fact::Begun(Begun {
                dj_name: claimant.dj_name.clone(),
                owner: self.owner(claimant),
                join_code: code.to_owned(),
                by_socket: claimant.by_socket,
            })),
            (None, Standing::Owner | Standing::Heir) => Err(Code::SessionOver.into()),
        }
    }

    fn owner(&self, claimant: &Claimant<'_>) -> Owner {
        match &claimant.dj {
            Some(dj) => Owner::Dj { id: dj.id.clone() },
            None => Owner::Person { person: claimant.caller.person, address: claimant.caller.address },
        }
    }
}

fn unavailable(_: BrokerError) -> Refusal {
    Code::Unavailable.into()
}

/// Today's clients come back without identity or token: the same name from the same address is all that they have.
fn could_inherit(claimant: &Claimant<'_>, run: &Run) -> bool {
    match &run.owner {
        Owner::Dj { .. } => false,
        Owner::Person { address, .. } => {
            claimant.by_socket
                && run.by_socket
                && address.is_some()
                && *address == claimant.caller.address
                && run.dj_name == claimant.dj_name
        }
    }
}
