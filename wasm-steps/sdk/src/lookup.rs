//! Where a kind of resource is listed, how to know one in the list, and finding it there.

use std::time::Duration;

use serde_json::Value;

use crate::ledger::Lookup;
use crate::request::title;
use crate::{Failure, Host, Response, pages};

/// A service whose answer was lost may act a little later; its list is read again after this pause.
pub(crate) const SECOND_LOOK: Duration = Duration::from_secs(1);

impl Lookup {
    /// A list at `path`; `items` is the JSON pointer to its array. A resource's id is at `/metadata/id`.
    pub fn list(path: impl Into<String>, items: &str) -> Self {
        Self {
            path: path.into(),
            query: Vec::new(),
            items: items.to_owned(),
            property: String::new(),
            value: String::new(),
            id: "/metadata/id".to_owned(),
        }
    }

    /// Adds a query parameter, not yet encoded.
    #[must_use]
    pub fn query(mut self, name: &str, value: impl Into<String>) -> Self {
        self.query.push((name.to_owned(), value.into()));
        self
    }

    /// Says which resource is meant: the one whose `property` (a JSON pointer) is `value`.
    #[must_use]
    pub fn matching(mut self, property: &str, value: &str) -> Self {
        property.clone_into(&mut self.property);
        value.clone_into(&mut self.value);
        self
    }

    fn matches(&self, resource: &Value, wanted: &str) -> bool {
        match resource.pointer(&self.property) {
            Some(Value::Array(members)) => members.iter().any(|member| member.as_str() == Some(wanted)),
            Some(found) => found.as_str() == Some(wanted),
            None => false,
        }
    }

    /// The value that is looked for; `None` as long as it needs an id that is not known.
    fn wanted(&self, tag: &str, id: Option<&str>) -> Option<String> {
        let value = self.value.replace("{tag}", tag);
        if value.contains("{id}") { Some(value.replace("{id}", id?)) } else { Some(value) }
    }
}

/// A resource that a lookup found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Its id.
    pub id: String,
    /// As it stands in the list.
    pub resource: Value,
}

/// An entry of the ledger, as far as finding its resource needs it.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The entry's number.
    pub number: u32,
    /// Its tag.
    pub tag: &'a str,
    /// Its confirmed id.
    pub id: Option<&'a str>,
}

/// All resources that an entry's `find` means, of all pages: one, or none.
pub fn find(host: &dyn Host, lookup: &Lookup, entry: Entry<'_>) -> Result<Vec<Found>, Failure> {
    search(lookup, entry, |next| host.look_up(entry.number, next))
}

/// As [`find`], but looks again after a pause when nothing is there: for requests whose answer is not known.
pub fn find_late(host: &dyn Host, lookup: &Lookup, entry: Entry<'_>) -> Result<Vec<Found>, Failure> {
    let found = find(host, lookup, entry)?;
    if !found.is_empty() {
        return Ok(found);
    }
    host.sleep(SECOND_LOOK);
    find(host, lookup, entry)
}

/// All resources of others that hang on an entry's resource.
pub fn find_users(host: &dyn Host, lookup: &Lookup, entry: Entry<'_>) -> Result<Vec<Found>, Failure> {
    search(lookup, entry, |next| host.look_up_users(entry.number, next))
}

fn search(
    lookup: &Lookup,
    entry: Entry<'_>,
    page: impl Fn(Option<&str>) -> Result<crate::services::Response, crate::services::Error>,
) -> Result<Vec<Found>, Failure> {
    let Some(wanted) = lookup.wanted(entry.tag, entry.id) else {
        return Ok(Vec::new());
    };
    let title = title("GET", &lookup.path.replace("{id}", entry.id.unwrap_or("{id}")).replace("{tag}", entry.tag));
    let listed = pages::collect(&lookup.items, |next| match page(next) {
        Ok(answer) => Ok(Response::new(title.clone(), answer)),
        Err(error) => Err(Failure::from_error(&title, error)),
    })?;
    let meant = listed.into_iter().filter(|resource| lookup.matches(resource, &wanted));
    meant
        .map(|resource| match resource.pointer(&lookup.id).and_then(Value::as_str) {
            Some(id) => Ok(Found { id: id.to_owned(), resource }),
            None => Err(Failure::internal(format!("{title} lists a resource without an id at `{}`", lookup.id))),
        })
        .collect()
}
