//! Doors of every severity.

use super::{ACCOUNTS, REGIONS};
use crate::report::{Door, Severity};

pub(super) fn doors() -> Vec<Door> {
    let door =
        |severity, code, (account, region): (usize, usize), place: &str, message: &str, commands: &[&str]| Door {
            severity,
            code: std::borrow::Cow::Borrowed(code),
            account: ACCOUNTS[account].0.parse().unwrap(),
            region: REGIONS[region].parse().unwrap(),
            place: place.into(),
            message: message.into(),
            commands: commands.iter().map(|one| (*one).to_owned()).collect(),
        };
    let hook = "aws autoscaling put-lifecycle-hook --region eu-west-1 --auto-scaling-group-name batch-blue \
                --lifecycle-hook-name goldseal --lifecycle-transition autoscaling:EC2_INSTANCE_LAUNCHING --default-result ABANDON";
    vec![
        door(
            Severity::Problem,
            "group-unguarded",
            (0, 0),
            "batch-blue",
            "the group has no launch hook: whatever it launches goes into service",
            &[hook],
        ),
        door(
            Severity::Problem,
            "hook-continues",
            (2, 2),
            "web-blue",
            "without an answer its hook lets the instance into service",
            &[
                "aws autoscaling put-lifecycle-hook --region us-east-1 --auto-scaling-group-name web-blue --lifecycle-hook-name goldseal --default-result ABANDON",
            ],
        ),
        door(
            Severity::Problem,
            "template-refused",
            (4, 1),
            "lt-0123456789abcdef0 (worker)",
            "its default version names an image that would be refused",
            &["goldseal verify --region eu-central-1 ami-0a1b2c3d00000000f"],
        ),
        door(
            Severity::Unknown,
            "not-asked",
            (1, 2),
            "ssm:GetParameter /golden/web",
            "what the parameter names could not be looked at: denied",
            &[],
        ),
        door(
            Severity::Warning,
            "instances-outside",
            (3, 3),
            "14 instances",
            "they were started by hand, and no hook guards that",
            &["goldseal audit --output csv"],
        ),
        door(
            Severity::Warning,
            "allowed-images-off",
            (3, 0),
            "eu-west-1",
            "images of anybody may be launched here",
            &["aws ec2 enable-allowed-images-settings --region eu-west-1 --allowed-images-settings-state audit-mode"],
        ),
        door(
            Severity::Warning,
            "allowed-images-off",
            (3, 1),
            "eu-central-1",
            "images of anybody may be launched here",
            &[
                "aws ec2 enable-allowed-images-settings --region eu-central-1 --allowed-images-settings-state audit-mode",
            ],
        ),
        door(
            Severity::Note,
            "karpenter",
            (4, 0),
            "node pool general",
            "Karpenter launches without a group; its nodes are judged when they run",
            &[],
        ),
    ]
}
