//! `World`: everything that exists in the services.

use std::collections::HashSet;

use uuid::Uuid;

use crate::moment;
use crate::openscale::{DataMart, DataSet, MonitorInstance, Provider, Subscription};
use crate::options::Options;
use crate::table::Table;
use crate::wml::{Deployment, Model, Space};

/// Everything that exists in the services.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) spaces: Table<Space>,
    pub(crate) models: Table<Model>,
    pub(crate) deployments: Table<Deployment>,
    pub(crate) data_marts: Table<DataMart>,
    pub(crate) providers: Table<Provider>,
    pub(crate) subscriptions: Table<Subscription>,
    pub(crate) data_sets: Table<DataSet>,
    pub(crate) instances: Table<MonitorInstance>,
    /// Ids of what is no leftover.
    inventory: HashSet<String>,
}

impl World {
    /// What is there from the start. On IBM Cloud that is also what only the owner of an API key can make: a service
    /// provider for each space, and so a data mart.
    pub(crate) fn new(options: &Options) -> Self {
        let mut world = Self::default();
        for name in &options.spaces {
            let (id, created_at) = (Uuid::new_v4().to_string(), moment::now());
            if options.dialect.is_cloud() {
                world.providers.insert(Uuid::new_v4().to_string(), Provider::of_space(name, &id));
            }
            world.spaces.insert(id, Space { name: name.clone(), created_at });
        }
        if options.dialect.is_cloud() {
            world.data_marts.insert(options.instance_id.clone(), DataMart::internal());
        }
        world.take_inventory();
        world
    }

    pub(crate) fn first_space(&self) -> &str {
        self.spaces.iter().next().map_or("", |(id, _)| id)
    }

    /// Lets happen what is due by now.
    pub(crate) fn advance(&mut self) {
        self.data_marts.retain(|_, one| !one.life.is_over());
        self.providers.retain(|_, one| !one.life.is_over());
        self.instances.retain(|_, one| !one.life.is_over());
        let mut gone = Vec::new();
        self.subscriptions.retain(|id, one| {
            if one.life.is_over() {
                gone.push(id.to_owned());
            }
            !one.life.is_over()
        });
        self.data_sets.retain(|_, one| !one.life.is_over() && !gone.contains(&one.target_id));
        for (_, data_set) in self.data_sets.iter_mut() {
            if data_set.receive_due()
                && let Some(payload) = data_set.first_payload()
                && let Some(subscription) = self.subscriptions.get_mut(&data_set.target_id)
            {
                subscription.learn_outputs(&payload);
            }
        }
        for (_, instance) in self.instances.iter_mut() {
            instance.finish_due_runs();
        }
    }

    pub(crate) fn take_inventory(&mut self) {
        self.inventory = self.everything().into_iter().map(|(_, id, _)| id).collect();
    }

    pub(crate) fn leftovers(&self) -> Vec<(String, String, String)> {
        self.everything().into_iter().filter(|(_, id, _)| !self.inventory.contains(id)).collect()
    }

    pub(crate) fn missing(&self) -> Vec<String> {
        let all: HashSet<_> = self.everything().into_iter().map(|(_, id, _)| id).collect();
        let mut missing: Vec<_> = self.inventory.difference(&all).cloned().collect();
        missing.sort();
        missing
    }

    /// How many of each kind were ever made.
    pub(crate) fn made(&self) -> [(&'static str, usize); 6] {
        [
            ("model", self.models.made()),
            ("deployment", self.deployments.made()),
            ("data mart", self.data_marts.made()),
            ("service provider", self.providers.made()),
            ("subscription", self.subscriptions.made()),
            ("monitor instance", self.instances.made()),
        ]
    }

    /// How many records all data sets of a kind have.
    pub(crate) fn records(&self, kind: &str) -> usize {
        self.data_sets.iter().filter(|(_, set)| set.kind() == kind).map(|(_, set)| set.len()).sum()
    }

    /// Kind, id and name of all that a client can make, in the words of the ledger.
    fn everything(&self) -> Vec<(String, String, String)> {
        let row = |kind: &str, id: &str, name: &str| (kind.to_owned(), id.to_owned(), name.to_owned());
        let mut all = Vec::new();
        all.extend(self.models.iter().map(|(id, one)| row("model", id, &one.request.name)));
        all.extend(self.deployments.iter().map(|(id, one)| row("deployment", id, &one.request.name)));
        all.extend(self.data_marts.iter().map(|(id, one)| row("data mart", id, one.name())));
        all.extend(self.providers.iter().map(|(id, one)| row("service provider", id, one.name())));
        all.extend(self.subscriptions.iter().map(|(id, one)| row("subscription", id, one.name())));
        all.extend(self.instances.iter().map(|(id, one)| row("monitor instance", id, one.definition())));
        all
    }
}
