//! A step's inputs: what is known now, and that the rest will fit.

use serde_json::Value;

use crate::data::is_below;
use crate::engine::{Component, Format, may_fit, types};
use crate::plan::inputs::Inputs;
use crate::spec::{Hint, Problem, Reference, Template, Violation, Way, Ways};

use super::{Named, Order, Resolver};

impl Resolver<'_> {
    /// Replaces what is known now; leaves outputs of steps for later.
    pub(super) fn inputs(&mut self, value: Value, way: &Way) -> Inputs {
        match value {
            Value::Object(members) => {
                let members: Vec<_> = members
                    .into_iter()
                    .map(|(key, value)| {
                        let value = self.inputs(value, &way.to(&key));
                        (key, value)
                    })
                    .collect();
                Inputs::Object(members)
            }
            Value::Array(items) => {
                Inputs::Array(items.into_iter().enumerate().map(|(n, item)| self.inputs(item, &way.to(n))).collect())
            }
            Value::String(text) => match Template::parse(&text) {
                Ok(template)
                    if template.references().any(|reference| matches!(reference, Reference::Output { .. })) =>
                {
                    self.partly(&template, way)
                }
                Ok(template) if let Some(value) = self.whole_param(&template) => Inputs::Known(value),
                _ => {
                    self.fixed(&text, way, false).map_or(Inputs::Known(Value::Null), |text| Inputs::Known(text.into()))
                }
            },
            other => Inputs::Known(other),
        }
    }

    /// The value of a param that stands alone: it keeps its type.
    fn whole_param(&self, template: &Template) -> Option<Value> {
        match template.alone()? {
            Reference::Param(name) => self.params.get(name).cloned(),
            _ => None,
        }
    }

    /// A text with outputs in it: what else it refers to is replaced now.
    fn partly(&mut self, template: &Template, way: &Way) -> Inputs {
        Inputs::Later(template.replaced(|reference| match reference {
            Reference::Output { .. } => None,
            other => Some(self.value(other, way, false).unwrap_or_default()),
        }))
    }

    /// References to other steps, and files.
    pub(super) fn check_inputs(&mut self, inputs: &Inputs, component: &Component, way: &Way, order: Order<'_>) {
        let base = way.to("inputs");
        for (pointer, template) in inputs.later() {
            for reference in template.references() {
                let Reference::Output { step, path } = reference else { continue };
                let place = base.down(&pointer);
                let of_run = |earlier: &&Named| earlier.is_stale == order.is_stale();
                let mut earlier = order.earlier().iter().filter(|earlier| earlier.id == *step);
                let Some(Named { component: known, .. }) = earlier.clone().find(of_run) else {
                    let what = if order.id() == step {
                        "which is this step itself"
                    } else if earlier.next().is_some() {
                        if order.is_stale() {
                            "which `cleanup --stale` does not run"
                        } else {
                            "which only `cleanup --stale` runs"
                        }
                    } else if order.later().iter().any(|later| later.id == *step) {
                        "which runs later"
                    } else {
                        "but there is no such step"
                    };
                    self.problem(&place, format!("`{reference}` reads step `{step}`, {what}"));
                    continue;
                };
                // A step whose component could not be loaded has its own problem already.
                let Some(known) = known else { continue };
                let Some(from) = known.info.outputs.at(path.iter().map(String::as_str)) else {
                    let names: Vec<_> = known.info.outputs.properties().map(|(name, _)| format!("`{name}`")).collect();
                    let hint = format!("its outputs are {}", names.join(", "));
                    self.problem_with(&place, format!("step `{step}` has no output `{}`", path.join(".")), Some(hint));
                    continue;
                };
                let Some(to) = component.info.inputs.at(pointer.split('/').skip(1)) else { continue };
                let text = serde_json::json!({"type": ["string", "number", "integer", "boolean"]});
                let (to, used) = if template.alone().is_some() { (to, "the input") } else { (&text, "a text") };
                if !may_fit(from, to) {
                    self.problem(&place, format!("`{reference}` is {}, {used} is {}", words(from), words(to)));
                }
            }
        }
        for (pointer, format, value) in component.info.inputs.files(&inputs.sketch()) {
            let place = base.down(&pointer);
            if self.is_unknown(&place) {
                continue;
            }
            match format {
                Format::DataSet if !self.spec.data.contains_key(&value) => {
                    let hint = self.known.data.hint(&value);
                    self.problem_with(&place, format!("there is no data set `{value}`"), Some(hint));
                }
                Format::Model => self.check_model(&value, &place),
                Format::Artifact => {
                    self.problem(&place, "an artifact is an earlier step's output: write `${{ steps.….… }}`");
                }
                Format::DataSet => {}
            }
        }
    }

    fn check_model(&mut self, value: &str, place: &Way) {
        if self.spec.models.contains_key(value) {
            return;
        }
        let path = self.base.join(value);
        if !is_below(value) {
            self.problem(place, format!("the model `{value}` must lie in the spec's folder"));
        } else if !path.is_file() {
            let hint = self.known.models.hint(value);
            self.problem_with(place, format!("there is no model file `{}`", path.display()), Some(hint));
        }
    }

    pub(super) fn check_schema(&mut self, inputs: &Inputs, component: &Component, way: &Way) {
        // Where a value comes later, or was refused, `null` stands for it now.
        let mut open = Ways::default();
        for (pointer, _) in inputs.later() {
            open.insert(way.down(&pointer), ());
        }
        let is_open = |ways: &Ways<()>, way: &Way, is_of_key: bool| {
            // What is wrong with the keys around it is not wrong because of its value.
            ways.around(way).is_some() || (!is_of_key && ways.within(way).next().is_some())
        };
        for Violation { pointer, key, is_of_key, message, hint } in component.info.inputs.errors(&inputs.sketch()) {
            let way = way.down(&pointer);
            if is_open(&open, &way, is_of_key) || is_open(&self.unknown, &way, is_of_key) {
                continue;
            }
            // What a param brings is not what stands there.
            let written = self.spec.value().pointer(way.as_str()).and_then(Value::as_str);
            let (message, hint) = match written.filter(|text| text.contains("${{")) {
                Some(text) => (format!("{message}, and that is what `{text}` is"), None),
                None => (message, hint),
            };
            let problem = match key {
                Some(key) => self.spec.key_problem(&way, &key, message),
                None => self.spec.problem(&way, message),
            };
            self.problems.push(Problem { hint: hint.map(Hint::from), ..problem });
        }
    }
}

fn words(schema: &Value) -> String {
    match types(schema) {
        None => "anything".to_owned(),
        Some(names) => {
            let names: Vec<_> = names.iter().filter(|name| *name != "null").map(|name| format!("`{name}`")).collect();
            names.join(" or ")
        }
    }
}
