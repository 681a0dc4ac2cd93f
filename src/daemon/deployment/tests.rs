//! Tests which Sources and queues a new configuration ends and begins.

use proptest::prelude::*;

use super::*;
use crate::core::source::Credentials;
use crate::core::source::rules::Rules;

/// What runs, as a deployment changes it.
#[derive(Default)]
struct World {
    running: BTreeMap<String, Arc<Source>>,
    queues: BTreeMap<String, QueueAccess>,
}

impl World {
    /// Plans the deployment of these Sources. `problems` names Sources and queues.
    fn plan(&self, new: &[Arc<Source>], problems: &[&str]) -> Deployment {
        let running = self.running.iter().map(|(name, source)| {
            let running = RunningSource {
                source: Arc::clone(source),
                credentials: CredentialFiles::default(),
                begins_again: problems.contains(&name.as_str()),
            };
            (name.as_str(), running)
        });
        let queues = self.queues.iter();
        let queues = queues.map(|(url, access)| {
            let running = RunningQueue {
                access: access.clone(),
                opens_again: problems.contains(&url.as_str()),
            };
            (url.as_str(), running)
        });
        let names = new.iter().map(|source| source.name.as_str());
        let credentials = names.map(|name| (name, CredentialFiles::default()));
        Deployment::plan(
            &running.collect(),
            &queues.collect(),
            new,
            &credentials.collect(),
        )
    }

    /// Does what the plan says, as a session does.
    fn apply(&mut self, deployment: &Deployment, new: &[Arc<Source>]) {
        for name in &deployment.end {
            assert!(self.running.remove(name).is_some(), "{name} does not run");
        }
        for url in &deployment.close {
            assert!(self.queues.remove(url).is_some(), "{url} is not open");
        }
        for name in &deployment.start {
            let source = new.iter().find(|source| source.name == *name).unwrap();
            let before = self.running.insert(name.clone(), Arc::clone(source));
            assert!(before.is_none(), "{name} runs twice");
            if let Some(access) = QueueAccess::of(source, &CredentialFiles::default()) {
                let url = access.events.queue_url.clone();
                self.queues.entry(url).or_insert(access);
            }
        }
    }

    /// What runs with these Sources, and nothing before.
    fn of(sources: &[Arc<Source>]) -> Self {
        let mut world = Self::default();
        let plan = world.plan(sources, &[]);
        assert!(plan.end.is_empty() && plan.close.is_empty());
        world.apply(&plan, sources);
        world
    }
}

fn source(name: &str) -> Source {
    Source::new(name, "bucket", name)
}

/// A Source with the events of this queue, received with this profile.
fn followed(name: &str, queue_url: &str, profile: &str) -> Source {
    Source {
        events: Some(Events {
            queue_url: queue_url.to_owned(),
            region: None,
            credentials: Credentials::Profile(profile.to_owned()),
        }),
        ..source(name)
    }
}

fn all(sources: impl IntoIterator<Item = Source>) -> Vec<Arc<Source>> {
    sources.into_iter().map(Arc::new).collect()
}

fn names<'a>(names: impl IntoIterator<Item = &'a String>) -> Vec<&'a str> {
    names.into_iter().map(String::as_str).collect()
}

#[test]
fn only_changed_sources_end() {
    let world = World::of(&all([source("a"), source("b"), source("c")]));
    let changed = Source {
        prefix: "images/".to_owned(),
        ..source("b")
    };
    let disabled = Source {
        enabled: false,
        ..source("c")
    };
    let plan = world.plan(&all([source("d"), source("a"), changed, disabled]), &[]);
    assert_eq!(names(&plan.end), ["b", "c"]);
    assert_eq!(names(&plan.start), ["d", "b"]);
    let removed = world.plan(&all([source("a")]), &[]);
    assert_eq!(names(&removed.end), ["b", "c"]);
    assert_eq!(names(&removed.start), [""; 0]);
    let reordered = all([source("c"), source("b"), source("a")]);
    assert_eq!(world.plan(&reordered, &[]), Deployment::default());
}

#[test]
fn each_value_that_tasks_use_is_a_change() {
    let exclude = Rules::new(
        None,
        Some(crate::core::source::rules::RuleSelection::All),
        false,
    );
    let changes: [(&str, Source); 7] = [
        (
            "bucket",
            Source {
                bucket: "other".into(),
                ..source("a")
            },
        ),
        (
            "region",
            Source {
                region: Some("eu-west-1".into()),
                ..source("a")
            },
        ),
        (
            "endpoint",
            Source {
                endpoint_url: Some("https://store".into()),
                ..source("a")
            },
        ),
        (
            "subdomain",
            Source {
                subdomain: "other".into(),
                ..source("a")
            },
        ),
        (
            "rules",
            Source {
                rules: exclude.unwrap(),
                ..source("a")
            },
        ),
        (
            "owner",
            Source {
                expected_bucket_owner: Some("1".into()),
                ..source("a")
            },
        ),
        ("events", followed("a", "queue", "p")),
    ];
    for (what, changed) in changes {
        assert!(is_changed(&source("a"), &changed), "{what}");
    }
    let shown = Source {
        base_url: "https://elsewhere".into(),
        is_managed: true,
        ..source("a")
    };
    assert!(!is_changed(&source("a"), &shown));
}

#[test]
fn queue_stays_open_while_its_sources_change() {
    let two = all([followed("a", "q", "p"), followed("b", "q", "p")]);
    let world = World::of(&two);
    let changed = Source {
        prefix: "images/".to_owned(),
        ..followed("a", "q", "p")
    };
    let plan = world.plan(&all([changed, followed("b", "q", "p")]), &[]);
    assert_eq!((names(&plan.end), names(&plan.close)), (vec!["a"], vec![]));
    // The queue was opened by the first Source, in the same way as the second one opens it.
    let plan = world.plan(&all([followed("b", "q", "p")]), &[]);
    assert_eq!((names(&plan.end), names(&plan.close)), (vec!["a"], vec![]));
    let plan = world.plan(&all([source("a"), source("b")]), &[]);
    assert_eq!(names(&plan.close), ["q"]);
}

#[test]
fn queue_with_other_credentials_is_opened_again_with_all_of_its_sources() {
    let world = World::of(&all([
        followed("a", "q", "p"),
        followed("b", "q", "other"),
        source("c"),
    ]));
    let plan = world.plan(&all([followed("b", "q", "other"), source("c")]), &[]);
    assert_eq!(names(&plan.close), ["q"]);
    assert_eq!(
        (names(&plan.end), names(&plan.start)),
        (vec!["a", "b"], vec!["b"])
    );
}

#[test]
fn what_has_a_problem_begins_again() {
    let sources = all([
        followed("a", "q", "p"),
        followed("b", "q", "p"),
        source("c"),
    ]);
    let world = World::of(&sources);
    let plan = world.plan(&sources, &["q"]);
    assert_eq!(names(&plan.close), ["q"]);
    assert_eq!(
        (names(&plan.end), names(&plan.start)),
        (vec!["a", "b"], vec!["a", "b"])
    );
    let plan = world.plan(&sources, &["a"]);
    assert_eq!(
        (names(&plan.start), names(&plan.close)),
        (vec!["a"], vec![])
    );
}

/// Some of four Sources, each with one of several configurations, in any order.
fn configurations() -> impl Strategy<Value = Vec<Arc<Source>>> {
    let one = (0..4usize, 0..3usize, 0..4usize, any::<bool>());
    proptest::collection::vec(one, 0..6).prop_map(|ones| {
        let mut sources = BTreeMap::new();
        for (name, prefix, queue, enabled) in ones {
            let name = ["a", "b", "c", "d"][name];
            let queued = match queue {
                0 => source(name),
                1 => followed(name, "q1", "p"),
                2 => followed(name, "q1", "other"),
                _ => followed(name, "q2", "p"),
            };
            let source = Source {
                prefix: ["", "x/", "y/"][prefix].to_owned(),
                enabled,
                ..queued
            };
            sources.insert((prefix, name), source);
        }
        let mut known = BTreeSet::new();
        let new = sources.into_values();
        all(new.filter(|source| known.insert(source.name.clone())))
    })
}

proptest! {
    #[test]
    fn any_history_ends_in_the_last_configuration(
        history in proptest::collection::vec(configurations(), 1..8),
    ) {
        let mut world = World::default();
        for new in &history {
            let before = world.running.clone();
            let plan = world.plan(new, &[]);
            world.apply(&plan, new);
            for (name, source) in &world.running {
                let configured = new.iter().find(|new| new.name == *name);
                prop_assert!(configured.is_some_and(|new| new.enabled && !is_changed(source, new)));
                // A Source goes on if neither it nor its queue has changed.
                let queue_closed = queue_url(source).is_some_and(|url| plan.close.contains(url));
                let was_same = before.get(name).is_some_and(|before| !is_changed(before, source));
                prop_assert_eq!(was_same && !queue_closed, !plan.start.contains(name));
                let queue_is_open = queue_url(source).is_none_or(|url| world.queues.contains_key(url));
                prop_assert!(queue_is_open);
            }
            let enabled = new.iter().filter(|source| source.enabled).count();
            prop_assert_eq!(world.running.len(), enabled);
            for url in world.queues.keys() {
                let is_used = |source: &Arc<Source>| queue_url(source) == Some(url);
                prop_assert!(world.running.values().any(is_used));
            }
            prop_assert_eq!(world.plan(new, &[]), Deployment::default());
        }
    }
}
