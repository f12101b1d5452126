//! The contract, message by message.
