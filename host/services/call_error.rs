//! Why a call has no answer: the cases of the contract's `services.error`.

/// Why a call has no answer. Each text is for people and names no address and no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No grant allows it, or the spec has no such service; nothing was sent.
    #[error("{0}")]
    Denied(String),
    /// The request is malformed; nothing was sent.
    #[error("{0}")]
    Invalid(String),
    /// The service does not accept the credentials; the request was not acted on.
    #[error("{0}")]
    Login(String),
    /// No connection, or the service refuses for now; nothing was acted on.
    #[error("{0}")]
    Unreachable(String),
    /// It was sent, the answer is lost: the service may have acted.
    #[error("{0}")]
    NoAnswer(String),
    /// The request or the answer passes a limit.
    #[error("{0}")]
    TooLarge(String),
    /// The step's time is up, or the run was interrupted.
    #[error("{0}")]
    OutOfTime(String),
}

impl CallError {
    /// The same in other words.
    #[must_use]
    pub fn retold(mut self, retell: impl FnOnce(&str) -> String) -> Self {
        let (Self::Denied(text)
        | Self::Invalid(text)
        | Self::Login(text)
        | Self::Unreachable(text)
        | Self::NoAnswer(text)
        | Self::TooLarge(text)
        | Self::OutOfTime(text)) = &mut self;
        *text = retell(text);
        self
    }
}
