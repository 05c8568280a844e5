//! Calls against real sockets.
