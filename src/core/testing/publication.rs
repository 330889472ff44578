//! EC2 and Parameter Store as far as publication goes: a state for each image, which steps change.

#![expect(clippy::unwrap_used, reason = "a lock that was poisoned should stop the test")]

use std::{collections::BTreeMap, sync::Mutex};

use super::images::descriptor;
use crate::{
    ids::ImageRef,
    ports::{PortError, PortErrorKind, Publication},
    publication::{IMAGE_DATA_TYPE, Parameter, State, Step, Wishes},
};

/// What is there, and what was done to it.
#[derive(Debug, Default)]
pub struct FakePublication {
    /// What is there of each image. What is not in it is not there.
    pub states: Mutex<BTreeMap<ImageRef, State>>,
    /// What reading fails with.
    pub state_fault: Option<PortErrorKind>,
    /// Which step fails, counted from 0 in what was tried, and with what. It changes nothing.
    pub fault: Mutex<Option<(usize, PortErrorKind)>>,
    /// Every step that was tried.
    pub tried: Mutex<Vec<Step>>,
    /// Every image whose state was read.
    pub read: Mutex<Vec<ImageRef>>,
}

impl FakePublication {
    /// Returns a world in which these images are available, and nothing of them is published.
    pub fn of(images: &[ImageRef]) -> Self {
        let states = images.iter().map(|image| (image.clone(), bare())).collect();
        Self { states: Mutex::new(states), ..Self::default() }
    }

    /// Returns the steps that were tried, as text, and forgets them.
    pub fn take_tried(&self) -> Vec<String> {
        self.tried.lock().unwrap().drain(..).map(|step| step.to_string()).collect()
    }

    /// Changes what is there of an image.
    pub fn change(&self, image: &ImageRef, change: impl FnOnce(&mut State)) {
        change(self.states.lock().unwrap().get_mut(image).unwrap());
    }
}

/// Returns the state of the image in `images` before it is published.
pub fn bare() -> State {
    let snapshots = descriptor().ebs_devices().map(|(_, snapshot, _)| (snapshot, None)).collect();
    State { state: "available".to_owned(), snapshots, ..State::default() }
}

impl Publication for FakePublication {
    async fn state(&self, image: &ImageRef, _: &Wishes) -> Result<State, PortError> {
        self.read.lock().unwrap().push(image.clone());
        if let Some(kind) = self.state_fault {
            return Err(PortError::new(kind, "ec2:DescribeImages", image));
        }
        let found = self.states.lock().unwrap().get(image).cloned();
        found.ok_or_else(|| PortError::new(PortErrorKind::NotFound, "ec2:DescribeImages", image))
    }

    async fn apply(&self, step: &Step) -> Result<(), PortError> {
        let mut tried = self.tried.lock().unwrap();
        tried.push(step.clone());
        if let Some((_, kind)) = self.fault.lock().unwrap().filter(|(place, _)| *place + 1 == tried.len()) {
            return Err(PortError::new(kind, step.call(), step.resource()));
        }
        let mut states = self.states.lock().unwrap();
        for (image, state) in states.iter_mut().filter(|(image, _)| image.region == *step.region()) {
            match step {
                Step::Lock { snapshot, lock, .. } => {
                    state.snapshots.entry(snapshot.clone()).and_modify(|held| *held = Some(*lock));
                }
                Step::Protect { image: changed } if changed == image => state.protected = true,
                Step::Tag { image: changed, tags } if changed == image => state.tags.extend(tags.iter().cloned()),
                Step::Share { image: changed, with } if changed == image => {
                    state.audience.extend(with.iter().map(ToString::to_string));
                }
                Step::Name { image: named, parameter, .. } => {
                    let held = Parameter { value: named.id.to_string(), data_type: IMAGE_DATA_TYPE.to_owned() };
                    state.parameters.insert(parameter.clone(), held);
                }
                Step::Protect { .. } | Step::Tag { .. } | Step::Share { .. } => {}
            }
        }
        Ok(())
    }
}
