//! The audit's rules of an evening, which share nothing with the fold: the very files of `pika audit`, because a third telling of the
//! same rules would be one too many.
#![allow(dead_code)] // The audit prints more than is asked here.

#[path = "../../pika/src/audit/claims.rs"]
mod claims;
#[path = "../../pika/src/audit/compare.rs"]
pub mod compare;
#[path = "../../pika/src/audit/lost.rs"]
pub mod lost;
#[path = "../../pika/src/audit/recount.rs"]
pub mod recount;
