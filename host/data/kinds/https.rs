//! `url`: an address of the web.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::data::{Location, Source, Wrong};

/// An `https` address.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Https(String);

impl Source for Https {
    fn check(&self) -> Result<(), Wrong> {
        let authority =
            self.0.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or(""));
        if authority.contains('@') {
            let message = "an address may have no user name or password in it: messages and logs would tell them";
            return Err(Wrong { key: None, message: message.to_owned() });
        }
        Ok(())
    }

    /// Without its query, which may let in whoever knows it.
    fn name(&self) -> String {
        let end = self.0.find(['?', '#']).unwrap_or(self.0.len());
        self.0[..end].to_owned()
    }

    fn location(&self) -> Location {
        let end = self.0.find('#').unwrap_or(self.0.len());
        Location::Address(self.0[..end].to_owned())
    }

    fn identity(&self) -> String {
        self.0.clone()
    }
}
