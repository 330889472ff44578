//! An Auto Scaling group → the images that it would launch: of its launch template, of overrides with a template or an
//! image of their own, or of its launch configuration; `resolve:ssm:` is followed to the parameter's value of now. And
//! the images that any launch template or parameter names.

use std::collections::BTreeSet;

use aws_sdk_autoscaling::types::{AutoScalingGroup, LaunchTemplateOverrides, LaunchTemplateSpecification};
use aws_sdk_ssm::types::ParameterStringFilter;
use goldseal_core::{
    doctor::Launchable,
    ids::{AmiId, GroupName},
    ports::{PortError, PortErrorKind, Templates},
};

use super::{fault, pages, surroundings::Surroundings};

const GROUPS: &str = "autoscaling:DescribeAutoScalingGroups";
const CONFIGURATIONS: &str = "autoscaling:DescribeLaunchConfigurations";
const VERSIONS: &str = "ec2:DescribeLaunchTemplateVersions";
const PARAMETER: &str = "ssm:GetParameter";
const PARAMETERS: &str = "ssm:DescribeParameters";

/// What stands before the name of a parameter where an image is meant.
const RESOLVE: &str = "resolve:ssm:";
/// The most launch templates, and the most parameters, that fit on a page.
const TEMPLATES_PAGE: i32 = 200;
const PARAMETERS_PAGE: i32 = 50;
/// The data type of parameters that name an image: Parameter Store has looked whether it is there.
const IMAGE: &str = "aws:ec2:image";

/// What a group names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Template { template: Template, version: String },
    Image { named_by: String, written: String },
    Configuration(String),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Template {
    Id(String),
    Name(String),
}

impl Templates for Surroundings {
    async fn launches(&self, group: &GroupName) -> Result<Vec<Launchable>, PortError> {
        let answer = self.autoscaling.describe_auto_scaling_groups().auto_scaling_group_names(group.as_str());
        let answer = answer.send().await.map_err(|error| fault::port_error(&error, GROUPS, group))?;
        match answer.auto_scaling_groups() {
            [] => Ok(Vec::new()),
            [described, ..] => self.launches_of(described).await,
        }
    }
}

impl Surroundings {
    /// Returns the images that a group names by its description, each once.
    pub(super) async fn launches_of(&self, group: &AutoScalingGroup) -> Result<Vec<Launchable>, PortError> {
        let mut launches = Vec::new();
        for source in sources(group).into_iter().collect::<BTreeSet<_>>() {
            launches.push(match source {
                Source::Template { template, version } => self.of_template(&template, &version).await?,
                Source::Image { named_by, written } => self.launchable(named_by, written).await?,
                Source::Configuration(name) => self.of_configuration(&name).await?,
            });
        }
        Ok(launches)
    }

    /// Returns what the default and the latest version of every launch template name. Those that name none, as templates
    /// of Karpenter and of mixed groups may, launch nothing by themselves.
    pub(super) async fn templates(&self) -> Result<Vec<Launchable>, PortError> {
        let request = self.ec2.describe_launch_template_versions().versions("$Default").versions("$Latest");
        let (request, mut named, mut page) = (request.max_results(TEMPLATES_PAGE), BTreeSet::new(), None);
        loop {
            self.pace.wait(VERSIONS).await;
            let answer = request.clone().set_next_token(page.clone()).send().await;
            let answer = answer.map_err(|error| fault::port_error(&error, VERSIONS, "all launch templates"))?;
            for one in answer.launch_template_versions() {
                let name = one.launch_template_name().unwrap_or_default();
                let number = one.version_number().unwrap_or_default();
                let written = one.launch_template_data().and_then(|data| data.image_id());
                named.extend(written.map(|written| (name.to_owned(), number, written.to_owned())));
            }
            page = pages::next(VERSIONS, "all launch templates", page.as_deref(), answer.next_token)?;
            if page.is_none() {
                break;
            }
        }
        let mut launches = Vec::new();
        for (name, number, written) in named {
            launches.push(self.launchable(format!("launch template {name} version {number}"), written).await?);
        }
        Ok(launches)
    }

    /// Returns what every parameter of the data type `aws:ec2:image` names.
    pub(super) async fn parameters(&self) -> Result<Vec<Launchable>, PortError> {
        let filter = ParameterStringFilter::builder().key("DataType").option("Equals").values(IMAGE).build();
        let filter =
            filter.map_err(|error| PortError::new(PortErrorKind::Malformed, PARAMETERS, IMAGE).because(error))?;
        let request = self.ssm.describe_parameters().parameter_filters(filter).max_results(PARAMETERS_PAGE);
        let (mut launches, mut page) = (Vec::new(), None);
        loop {
            self.pace.wait(PARAMETERS).await;
            let answer = request.clone().set_next_token(page.clone()).send().await;
            let answer = answer.map_err(|error| fault::port_error(&error, PARAMETERS, IMAGE))?;
            for name in answer.parameters().iter().filter_map(|one| one.name()) {
                launches.push(self.launchable(format!("parameter {name}"), format!("{RESOLVE}{name}")).await?);
            }
            page = pages::next(PARAMETERS, IMAGE, page.as_deref(), answer.next_token)?;
            if page.is_none() {
                return Ok(launches);
            }
        }
    }

    async fn of_template(&self, template: &Template, version: &str) -> Result<Launchable, PortError> {
        let request = self.ec2.describe_launch_template_versions().versions(version);
        let (request, name) = match template {
            Template::Id(id) => (request.launch_template_id(id), id),
            Template::Name(name) => (request.launch_template_name(name), name),
        };
        let named_by = format!("launch template {name} version {version}");
        self.pace.wait(VERSIONS).await;
        let found = request.send().await.map_err(|error| fault::port_error(&error, VERSIONS, name));
        let found = match found {
            Ok(found) => found,
            Err(error) => return Ok(unknown(named_by, String::new(), lasting(error)?)),
        };
        let data = found.launch_template_versions().first().and_then(|one| one.launch_template_data());
        match data.and_then(|data| data.image_id()) {
            Some(written) => self.launchable(named_by, written.to_owned()).await,
            None => Ok(unknown(named_by, String::new(), "it names no image".to_owned())),
        }
    }

    async fn of_configuration(&self, name: &str) -> Result<Launchable, PortError> {
        let named_by = format!("launch configuration {name}");
        let request = self.autoscaling.describe_launch_configurations().launch_configuration_names(name);
        self.pace.wait(CONFIGURATIONS).await;
        let found = request.send().await.map_err(|error| fault::port_error(&error, CONFIGURATIONS, name))?;
        match found.launch_configurations().first().and_then(|one| one.image_id()) {
            Some(written) => self.launchable(named_by, written.to_owned()).await,
            None => Ok(unknown(named_by, String::new(), "it is not there, or names no image".to_owned())),
        }
    }

    async fn launchable(&self, named_by: String, written: String) -> Result<Launchable, PortError> {
        let value = match written.strip_prefix(RESOLVE) {
            None => Ok(written.clone()),
            Some(name) => {
                self.pace.wait(PARAMETER).await;
                let answer = self.ssm.get_parameter().name(name).send().await;
                match answer.map_err(|error| fault::port_error(&error, PARAMETER, name)) {
                    Ok(answer) => {
                        answer.parameter.and_then(|one| one.value).ok_or_else(|| "it has no value".to_owned())
                    }
                    Err(error) => Err(lasting(error)?),
                }
            }
        };
        let image = value.and_then(|value| value.parse::<AmiId>().map_err(|fault| fault.to_string()));
        Ok(Launchable { named_by, written, image })
    }
}

fn unknown(named_by: String, written: String, problem: String) -> Launchable {
    Launchable { named_by, written, image: Err(problem) }
}

/// What stays like this is an answer: the template or the parameter is not there.
fn lasting(error: PortError) -> Result<String, PortError> {
    match error.kind {
        PortErrorKind::NotFound | PortErrorKind::Refused => Ok(error.chain()),
        PortErrorKind::Denied | PortErrorKind::Throttled | PortErrorKind::Unavailable | PortErrorKind::Malformed => {
            Err(error)
        }
    }
}

/// An override without a template or an image of its own launches the template of the group.
fn sources(group: &AutoScalingGroup) -> Vec<Source> {
    let mut found: Vec<Source> = group.launch_template().and_then(template).into_iter().collect();
    found.extend(group.launch_configuration_name().map(|name| Source::Configuration(name.to_owned())));
    if let Some(mixed) = group.mixed_instances_policy().and_then(|policy| policy.launch_template()) {
        let base = mixed.launch_template_specification().and_then(template);
        let overrides = mixed.overrides();
        found.extend(overrides.iter().filter_map(overriding));
        let bare = |one: &LaunchTemplateOverrides| overriding(one).is_none();
        found.extend(base.filter(|_| overrides.is_empty() || overrides.iter().any(bare)));
    }
    found
}

fn overriding(one: &LaunchTemplateOverrides) -> Option<Source> {
    match one.image_id() {
        Some(written) => {
            let named_by = format!("override {}", one.instance_type().unwrap_or("by requirements"));
            Some(Source::Image { named_by, written: written.to_owned() })
        }
        None => one.launch_template_specification().and_then(template),
    }
}

fn template(named: &LaunchTemplateSpecification) -> Option<Source> {
    let id = named.launch_template_id().map(|id| Template::Id(id.to_owned()));
    let template = id.or_else(|| named.launch_template_name().map(|name| Template::Name(name.to_owned())))?;
    Some(Source::Template { template, version: named.version().unwrap_or("$Default").to_owned() })
}

#[cfg(test)]
mod tests;
