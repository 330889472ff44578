//! The environment of a CI job → who builds, from which commit.
//!
//! Read are the variables that each system sets itself ([GitHub], [GitLab], [Jenkins], [CodeBuild]). They are the job's
//! own word: what makes them believed is the key that signs. User and password never leave a URL.
//!
//! [GitHub]: https://docs.github.com/en/actions/reference/workflows-and-actions/variables
//! [GitLab]: https://docs.gitlab.com/ci/variables/predefined_variables/
//! [Jenkins]: https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#using-environment-variables
//! [CodeBuild]: https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html

use std::{collections::BTreeMap, fmt};

use crate::attestation::predicate::repository;

/// A CI system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum CiSystem {
    GitHub,
    GitLab,
    CodeBuild,
    Jenkins,
}

impl fmt::Display for CiSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::GitHub => "GitHub Actions",
            Self::GitLab => "GitLab CI",
            Self::CodeBuild => "CodeBuild",
            Self::Jenkins => "Jenkins",
        })
    }
}

/// What a CI job says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ci {
    /// Which system it is.
    pub system: CiSystem,
    /// What names the job in a policy: the workflow and its ref, the job's URL, the project's ARN.
    pub builder: Option<String>,
    /// What names this run of it.
    pub invocation: Option<String>,
    /// The repository, in its one spelling.
    pub repository: Option<String>,
    /// The commit, in full.
    pub commit: Option<String>,
}

/// Returns the CI job that an environment belongs to, if it does to one.
///
/// CodeBuild runs jobs of GitHub and GitLab as well; the workflow is the builder then. Jenkins, whose variables are passed
/// on to whatever it starts, comes last.
pub fn ci(env: &BTreeMap<String, String>) -> Option<Ci> {
    let env = Env(env);
    if env.get("GITHUB_ACTIONS") == Some("true") {
        return Some(github(&env));
    }
    if env.get("GITLAB_CI") == Some("true") {
        return Some(gitlab(&env));
    }
    if let Some(build) = env.get("CODEBUILD_BUILD_ARN") {
        return Some(codebuild(&env, build));
    }
    env.get("JENKINS_URL").map(|_| jenkins(&env))
}

fn github(env: &Env<'_>) -> Ci {
    let server = env.url("GITHUB_SERVER_URL").unwrap_or_else(|| "https://github.com".to_owned());
    let repository_url = env.get("GITHUB_REPOSITORY").map(|name| format!("{server}/{name}"));
    let invocation = repository_url.as_ref().zip(env.get("GITHUB_RUN_ID")).map(|(url, run)| {
        let attempt = env.get("GITHUB_RUN_ATTEMPT").map(|attempt| format!("/attempts/{attempt}"));
        format!("{url}/actions/runs/{run}{}", attempt.unwrap_or_default())
    });
    Ci {
        system: CiSystem::GitHub,
        builder: env.get("GITHUB_WORKFLOW_REF").map(|workflow| format!("{server}/{workflow}")),
        invocation,
        repository: repository_url.as_deref().and_then(repository),
        commit: env.commit("GITHUB_SHA"),
    }
}

/// `CI_CONFIG_REF_URI` is young; older servers say its parts.
fn gitlab(env: &Env<'_>) -> Ci {
    let project = env.url("CI_PROJECT_URL");
    let config = env.get("CI_CONFIG_REF_URI").map(|uri| format!("https://{}", uri.trim_start_matches("https://")));
    let from_parts = || {
        let path = env.get("CI_CONFIG_PATH").unwrap_or(".gitlab-ci.yml");
        let name = match env.get("CI_COMMIT_TAG") {
            Some(tag) => format!("refs/tags/{tag}"),
            None => format!("refs/heads/{}", env.get("CI_COMMIT_REF_NAME")?),
        };
        Some(format!("{}//{path}@{name}", project.as_deref()?))
    };
    Ci {
        system: CiSystem::GitLab,
        builder: config.or_else(from_parts),
        invocation: env.url("CI_JOB_URL"),
        repository: project.as_deref().and_then(repository),
        commit: env.commit("CI_COMMIT_SHA"),
    }
}

/// `arn:…:build/PROJECT:ID`: the project is the builder.
fn codebuild(env: &Env<'_>, build: &str) -> Ci {
    let from_build = || {
        let (account, build) = build.split_once(":build/")?;
        let (project, _) = build.split_once(':')?;
        Some(format!("{account}:project/{project}"))
    };
    Ci {
        system: CiSystem::CodeBuild,
        builder: env.get("CODEBUILD_PROJECT_ARN").map(str::to_owned).or_else(from_build),
        invocation: Some(build.to_owned()),
        repository: env.get("CODEBUILD_SOURCE_REPO_URL").and_then(repository),
        commit: env.commit("CODEBUILD_RESOLVED_SOURCE_VERSION"),
    }
}

fn jenkins(env: &Env<'_>) -> Ci {
    Ci {
        system: CiSystem::Jenkins,
        builder: env.url("JOB_URL"),
        invocation: env.url("BUILD_URL"),
        repository: env.get("GIT_URL").and_then(repository),
        commit: env.commit("GIT_COMMIT"),
    }
}

struct Env<'e>(&'e BTreeMap<String, String>);

impl<'e> Env<'e> {
    /// Empty is absent: CI systems set variables that do not apply to nothing.
    fn get(&self, name: &str) -> Option<&'e str> {
        let value = self.0.get(name)?.trim();
        (!value.is_empty() && !value.chars().any(char::is_control)).then_some(value)
    }

    fn url(&self, name: &str) -> Option<String> {
        Some(without_credentials(self.get(name)?).trim_end_matches('/').to_owned())
    }

    /// A source that is no git repository has versions of other forms, and they are no commits.
    fn commit(&self, name: &str) -> Option<String> {
        let commit = self.get(name)?;
        is_commit(commit).then(|| commit.to_ascii_lowercase())
    }
}

/// A commit in full: SHA-1 or SHA-256.
pub(super) fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    format!("{scheme}://{}{path}", authority.rsplit_once('@').map_or(authority, |(_, host)| host))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "5b1f0c9e27d84a36b0e4c7719f2ad8635c0e91d4";

    fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    const GITHUB: &[(&str, &str)] = &[
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_REPOSITORY", "acme/images"),
        ("GITHUB_WORKFLOW_REF", "acme/images/.github/workflows/golden.yml@refs/heads/main"),
        ("GITHUB_SHA", COMMIT),
        ("GITHUB_RUN_ID", "1658821493"),
        ("GITHUB_RUN_ATTEMPT", "2"),
    ];
    const GITLAB: &[(&str, &str)] = &[
        ("GITLAB_CI", "true"),
        ("CI_PROJECT_URL", "https://gitlab.example/acme/images"),
        ("CI_CONFIG_REF_URI", "gitlab.example/acme/images//.gitlab-ci.yml@refs/heads/main"),
        ("CI_JOB_URL", "https://gitlab.example/acme/images/-/jobs/42"),
        ("CI_COMMIT_SHA", COMMIT),
        ("CI_COMMIT_REF_NAME", "main"),
    ];
    const CODEBUILD: &[(&str, &str)] = &[
        ("CODEBUILD_BUILD_ARN", "arn:aws:codebuild:eu-west-1:123456789012:build/golden:b1e6661e"),
        ("CODEBUILD_SOURCE_REPO_URL", "https://github.com/acme/images.git"),
        ("CODEBUILD_RESOLVED_SOURCE_VERSION", COMMIT),
    ];
    const JENKINS: &[(&str, &str)] = &[
        ("JENKINS_URL", "https://ci.example/"),
        ("JOB_URL", "https://ci.example/job/golden/"),
        ("BUILD_URL", "https://ci.example/job/golden/15/"),
        ("GIT_URL", "git@github.com:acme/images.git"),
        ("GIT_COMMIT", COMMIT),
    ];

    #[test]
    fn each_system_is_read() {
        let github_url = "https://github.com/acme/images";
        for (variables, system, builder, invocation, repository) in [
            (
                GITHUB,
                CiSystem::GitHub,
                "https://github.com/acme/images/.github/workflows/golden.yml@refs/heads/main",
                "https://github.com/acme/images/actions/runs/1658821493/attempts/2",
                github_url,
            ),
            (
                GITLAB,
                CiSystem::GitLab,
                "https://gitlab.example/acme/images//.gitlab-ci.yml@refs/heads/main",
                "https://gitlab.example/acme/images/-/jobs/42",
                "https://gitlab.example/acme/images",
            ),
            (
                CODEBUILD,
                CiSystem::CodeBuild,
                "arn:aws:codebuild:eu-west-1:123456789012:project/golden",
                "arn:aws:codebuild:eu-west-1:123456789012:build/golden:b1e6661e",
                github_url,
            ),
            (
                JENKINS,
                CiSystem::Jenkins,
                "https://ci.example/job/golden",
                "https://ci.example/job/golden/15",
                github_url,
            ),
        ] {
            let expected = Ci {
                system,
                builder: Some(builder.to_owned()),
                invocation: Some(invocation.to_owned()),
                repository: Some(repository.to_owned()),
                commit: Some(COMMIT.to_owned()),
            };
            assert_eq!(ci(&env(variables)), Some(expected));
        }
    }

    #[test]
    fn outside_of_ci_there_is_none() {
        for variables in [
            &[][..],
            &[("CI", "true"), ("HOME", "/root"), ("GITHUB_SHA", COMMIT), ("GIT_COMMIT", COMMIT)],
            &[("GITHUB_ACTIONS", "false"), ("GITLAB_CI", ""), ("JENKINS_URL", " "), ("CODEBUILD_BUILD_ARN", "")],
        ] {
            assert_eq!(ci(&env(variables)), None, "{variables:?}");
        }
    }

    /// Whatever variables are absent: no other fact changes, and none is made up.
    #[test]
    fn every_combination_of_absent_variables_leaves_out_what_it_says() {
        for variables in [GITHUB, GITLAB, CODEBUILD, JENKINS] {
            let whole = ci(&env(variables)).unwrap();
            for kept in 0..1_usize << (variables.len() - 1) {
                let rest = variables.iter().skip(1).enumerate().filter(|(bit, _)| kept >> bit & 1 == 1);
                let some: Vec<_> = variables.iter().take(1).chain(rest.map(|(_, pair)| pair)).copied().collect();
                let read = ci(&env(&some)).unwrap();
                assert_eq!(read.system, whole.system);
                let has = |name: &str| some.iter().any(|(known, _)| *known == name);
                assert_eq!(
                    read.commit.is_some(),
                    has("GITHUB_SHA")
                        || has("CI_COMMIT_SHA")
                        || has("GIT_COMMIT")
                        || has("CODEBUILD_RESOLVED_SOURCE_VERSION")
                );
                for (one, known) in [
                    (&read.repository, &whole.repository),
                    (&read.commit, &whole.commit),
                    (&read.builder, &whole.builder),
                ] {
                    assert!(one.is_none() || one == known, "{some:?}: {one:?}");
                }
            }
        }
    }

    #[test]
    fn the_workflow_is_the_builder_wherever_its_job_runs() {
        let both = |a: &[(&str, &str)], b: &[(&str, &str)]| ci(&env(&[a, b].concat())).unwrap().system;
        assert_eq!(both(CODEBUILD, GITHUB), CiSystem::GitHub);
        assert_eq!(both(CODEBUILD, GITLAB), CiSystem::GitLab);
        assert_eq!(both(JENKINS, CODEBUILD), CiSystem::CodeBuild);
    }

    #[test]
    fn codebuild_says_which_project_it_is_or_its_build_does() {
        let project = "arn:aws:codebuild:eu-west-1:123456789012:project/named";
        let named = [CODEBUILD, &[("CODEBUILD_PROJECT_ARN", project)]].concat();
        assert_eq!(ci(&env(&named)).unwrap().builder.as_deref(), Some(project));
        assert_eq!(ci(&env(&[("CODEBUILD_BUILD_ARN", "golden:b1e6661e")])).unwrap().builder, None);
    }

    #[test]
    fn older_gitlab_servers_say_the_parts_of_the_builder() {
        let builder = |more: &[(&str, &str)]| {
            let old = GITLAB.iter().filter(|(name, _)| *name != "CI_CONFIG_REF_URI");
            let variables: Vec<_> = old.chain(more).copied().collect();
            ci(&env(&variables)).unwrap().builder.unwrap()
        };
        let project = "https://gitlab.example/acme/images";
        assert_eq!(builder(&[]), format!("{project}//.gitlab-ci.yml@refs/heads/main"));
        assert_eq!(builder(&[("CI_COMMIT_TAG", "v1")]), format!("{project}//.gitlab-ci.yml@refs/tags/v1"));
        assert_eq!(
            builder(&[("CI_CONFIG_PATH", "ci/golden.yml")]),
            format!("{project}//ci/golden.yml@refs/heads/main")
        );
    }

    #[test]
    fn no_credential_stays_in_a_url() {
        let secret = [
            ("GITLAB_CI", "true"),
            ("CI_PROJECT_URL", "https://user:s3cret@gitlab.example/acme/images"),
            ("CI_JOB_URL", "https://s3cret@gitlab.example/acme/images/-/jobs/42"),
            ("CI_COMMIT_REF_NAME", "main"),
        ];
        let jenkins = [
            ("JENKINS_URL", "https://s3cret@ci.example/"),
            ("JOB_URL", "https://a:s3cret@ci.example/job/golden/"),
            ("BUILD_URL", "https://a:b@s3cret@ci.example/job/golden/15/"),
            ("GIT_URL", "https://oauth2:s3cret@git.example/acme/images.git"),
        ];
        for variables in [&secret[..], &jenkins[..]] {
            let read = ci(&env(variables)).unwrap();
            assert!(!format!("{read:?}").contains("s3cret"), "{read:?}");
            assert!(read.builder.is_some() && read.invocation.is_some() && read.repository.is_some());
        }
        assert_eq!(without_credentials("https://ci.example/a@b?c@d"), "https://ci.example/a@b?c@d");
        assert_eq!(without_credentials("https://u@ci.example?x=a@b"), "https://ci.example?x=a@b");
    }

    #[test]
    fn versions_that_are_no_commits_are_left_out() {
        for version in ["L4x9zQ", "refs/heads/main", &COMMIT[1..], "", &format!("{COMMIT}0"), &"g".repeat(40)] {
            let variables = [&CODEBUILD[..2], &[("CODEBUILD_RESOLVED_SOURCE_VERSION", version)]].concat();
            assert_eq!(ci(&env(&variables)).unwrap().commit, None, "{version}");
        }
        let upper = COMMIT.to_uppercase();
        let variables = [&CODEBUILD[..2], &[("CODEBUILD_RESOLVED_SOURCE_VERSION", upper.as_str())]].concat();
        assert_eq!(ci(&env(&variables)).unwrap().commit.as_deref(), Some(COMMIT));
        let bucket = [CODEBUILD[0], ("CODEBUILD_SOURCE_REPO_URL", "bucket/source.zip")];
        assert_eq!(ci(&env(&bucket)).unwrap().repository, None);
    }
}
