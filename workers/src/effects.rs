//! What came of one entry besides rows: what is to be said of it, and what is to be counted.

use schemas::note::{Clap, Rejection, Verdict};
use schemas::view::Change;
use schemas::{NodeId, Seq};

#[derive(Debug, Default, PartialEq)]
pub struct Effects {
    pub claps: Vec<(Seq, Clap)>,
    pub verdicts: Vec<(NodeId, Verdict)>,
    pub votes: Vec<VoteResult>,
    pub likes: Vec<LikeResult>,
    /// What an accepted fact changed.
    pub change: Option<Change>,
    /// A result was said that is not the count of the rows. It cannot be; if it is, somebody must look.
    pub disagreement: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoteResult {
    Counted,
    Changed,
    Repeated,
    Rejected(Rejection),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LikeResult {
    Counted,
    TakenBack,
    /// A repeat, or a like that stood already.
    Repeated,
    /// The track was never played, or the run is long over.
    Refused,
}
