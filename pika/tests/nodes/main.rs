//! Several nodes that stand for one: people move between them, DJs lose them, workers die, the feed drops a message.
//! Real processes, a real nats-server, one SQLite file. Each test is a story.
#![allow(clippy::unwrap_used)]

#[path = "../../../push/tests/delivery/service.rs"]
mod push_service;
#[path = "../support/mod.rs"]
mod support;

mod cluster;
mod cost;
mod dj_return;
mod drain;
mod feed;
mod killed;
mod listeners;
mod lobby;
mod paces;
mod push;
mod resume;
mod rolling;
mod slow;
mod workers_away;
