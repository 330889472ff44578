//! Parameters that hold an image.
//!
//! Parameter Store checks the image after it has answered, and drops what does not hold without a word: what was put is
//! read back until it is there.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_ssm::{Client, types::ParameterType};
use goldseal_core::{
    ids::ImageRef,
    ports::{PortError, PortErrorKind},
    publication::{IMAGE_DATA_TYPE, Parameter, ParameterName},
};

use super::fault;

const GET: &str = "ssm:GetParameters";
const PUT: &str = "ssm:PutParameter";

/// More names in one call are refused.
const NAMES: usize = 10;
/// How many milliseconds to wait before each further look at a parameter: 25 seconds in all.
pub const PAUSES: [u64; 7] = [200, 400, 800, 1600, 3200, 6400, 12800];

/// Returns those of the parameters that are there.
pub async fn parameters<'n>(
    ssm: &Client,
    names: impl IntoIterator<Item = &'n ParameterName>,
) -> Result<BTreeMap<ParameterName, Parameter>, PortError> {
    let names: Vec<&ParameterName> = names.into_iter().collect();
    let mut found = BTreeMap::new();
    for names in names.chunks(NAMES) {
        let list: Vec<String> = names.iter().map(ToString::to_string).collect();
        let resource = list.join(", ");
        let answer = ssm.get_parameters().set_names(Some(list)).send().await;
        let answer = answer.map_err(|error| fault::port_error(&error, GET, &resource))?;
        // What is not there stands in a list of its own. What is in neither was not answered.
        for name in names {
            let there = answer.parameters().iter().find(|one| one.name() == Some(name.as_str()));
            match there.and_then(|one| Some((one.value()?, one.data_type()?))) {
                Some((value, data_type)) => {
                    let parameter = Parameter { value: value.to_owned(), data_type: data_type.to_owned() };
                    found.insert((*name).clone(), parameter);
                }
                None if answer.invalid_parameters().iter().any(|absent| absent == name.as_str()) => {}
                None => {
                    let error = PortError::new(PortErrorKind::Malformed, GET, name);
                    return Err(error.because("an answer without its value and data type"));
                }
            }
        }
    }
    Ok(found)
}

/// Lets a parameter hold an image; one that nobody saw before is not overwritten.
pub async fn put(
    ssm: &Client,
    name: &ParameterName,
    image: &ImageRef,
    overwrite: bool,
    pauses: &[u64],
) -> Result<(), PortError> {
    let request = ssm.put_parameter().name(name.as_str()).value(image.id.as_str()).r#type(ParameterType::String);
    match request.data_type(IMAGE_DATA_TYPE).overwrite(overwrite).send().await {
        Ok(_) => {}
        // The answer to an earlier attempt of this same call may have got lost.
        Err(error) if fault::code(&error) == Some("ParameterAlreadyExists") && holds(ssm, name, image).await? => {}
        Err(error) => return Err(fault::port_error(&error, PUT, name)),
    }
    for pause in pauses {
        if holds(ssm, name, image).await? {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(*pause)).await;
    }
    if holds(ssm, name, image).await? {
        return Ok(());
    }
    let why = format!(
        "it was accepted, and does not hold {} yet: Parameter Store looks at the image later, with the caller's \
         ec2:DescribeImages and {GET}",
        image.id
    );
    Err(PortError::new(PortErrorKind::Unavailable, PUT, name).because(why))
}

async fn holds(ssm: &Client, name: &ParameterName, image: &ImageRef) -> Result<bool, PortError> {
    let found = parameters(ssm, [name]).await?;
    Ok(found.get(name).is_some_and(|held| held.value == image.id.as_str() && held.data_type == IMAGE_DATA_TYPE))
}
