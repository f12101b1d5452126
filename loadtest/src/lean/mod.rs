//! A crowd that costs little: one thread, epoll, no task for a socket, one buffer that all of them are read into, frames parsed
//! where they lie. It judges nothing that was said; it counts and times. Where a server is to be loaded from one other core, the
//! dancers of the other scenarios would be the ones measured.

pub mod crowd;
pub mod dialect;
pub mod flow;
pub mod frame;
pub mod http;
pub mod likes;
pub mod publisher;
pub mod usage;
