"""The payloads of GitHub's webhooks, as far as a service would read them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias, TypedDict

from attrs import field, frozen

AccountType: TypeAlias = Literal["User", "Organization", "Bot"]
AuthorAssociation: TypeAlias = Literal[
    "COLLABORATOR",
    "CONTRIBUTOR",
    "FIRST_TIMER",
    "FIRST_TIME_CONTRIBUTOR",
    "MANNEQUIN",
    "MEMBER",
    "NONE",
    "OWNER",
]
CheckStatus: TypeAlias = Literal["requested", "queued", "in_progress", "completed"]
Conclusion: TypeAlias = Literal[
    "success",
    "failure",
    "neutral",
    "cancelled",
    "skipped",
    "timed_out",
    "action_required",
    "stale",
    "startup_failure",
]
OpenOrClosed: TypeAlias = Literal["open", "closed"]
RefType: TypeAlias = Literal["branch", "tag"]

# What many events share


@frozen
class User:
    login: str
    id: int
    node_id: str
    html_url: str
    type: AccountType
    site_admin: bool
    name: str | None = None
    email: str | None = None


@frozen
class Organization:
    login: str
    id: int
    node_id: str
    url: str
    description: str | None


@frozen
class Enterprise:
    id: int
    slug: str
    name: str
    description: str | None
    created_at: datetime
    updated_at: datetime


@frozen
class InstallationReference:
    id: int
    node_id: str


@frozen
class License:
    key: str
    name: str
    spdx_id: str | None


@frozen
class Repository:
    id: int
    node_id: str
    name: str
    full_name: str
    private: bool
    owner: User
    html_url: str
    description: str | None
    fork: bool
    created_at: datetime
    updated_at: datetime
    pushed_at: datetime | None
    language: str | None
    license: License | None
    stargazers_count: int
    open_issues_count: int
    archived: bool
    default_branch: str
    topics: list[str] = field(factory=list)
    visibility: Literal["public", "private", "internal"] | None = None


@frozen
class PushedRepository:
    """The repository of a push: two of its times are seconds since 1970."""

    id: int
    node_id: str
    name: str
    full_name: str
    private: bool
    owner: User
    created_at: int
    updated_at: datetime
    pushed_at: int
    default_branch: str
    master_branch: str


@frozen
class RepositorySummary:
    id: int
    node_id: str
    name: str
    full_name: str
    private: bool


@frozen
class Label:
    id: int
    node_id: str
    name: str
    color: str
    default: bool


@frozen
class Milestone:
    id: int
    number: int
    title: str
    description: str | None
    creator: User
    open_issues: int
    closed_issues: int
    state: OpenOrClosed
    created_at: datetime
    updated_at: datetime
    due_on: datetime | None
    closed_at: datetime | None


@frozen
class Team:
    id: int
    node_id: str
    name: str
    slug: str
    description: str | None
    privacy: Literal["secret", "closed"]
    permission: str


@frozen
class Link:
    href: str


@frozen
class GitIdentity:
    name: str
    email: str
    username: str | None = None
    date: datetime | None = None


# No attribute can be called "from", not even by alias: attrs would write it as a parameter.
TextChange = TypedDict("TextChange", {"from": str})


# Issues


@frozen
class PullRequestOfIssue:
    url: str
    html_url: str


@frozen
class Issue:
    id: int
    number: int
    title: str
    user: User
    labels: list[Label]
    state: OpenOrClosed
    locked: bool
    assignee: User | None
    assignees: list[User]
    milestone: Milestone | None
    comments: int
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    author_association: AuthorAssociation
    body: str | None
    pull_request: PullRequestOfIssue | None = None


@frozen
class IssueChanges:
    title: TextChange | None = None
    body: TextChange | None = None


@frozen
class IssuesPayload:
    action: Literal[
        "assigned",
        "closed",
        "deleted",
        "demilestoned",
        "edited",
        "labeled",
        "locked",
        "milestoned",
        "opened",
        "pinned",
        "reopened",
        "transferred",
        "unassigned",
        "unlabeled",
        "unlocked",
        "unpinned",
    ]
    issue: Issue
    repository: Repository
    sender: User
    changes: IssueChanges | None = None
    assignee: User | None = None
    label: Label | None = None
    enterprise: Enterprise | None = None
    installation: InstallationReference | None = None


@frozen
class IssueComment:
    id: int
    html_url: str
    user: User
    created_at: datetime
    updated_at: datetime
    author_association: AuthorAssociation
    body: str


@frozen
class IssueCommentChanges:
    body: TextChange


@frozen
class IssueCommentPayload:
    action: Literal["created", "edited", "deleted"]
    issue: Issue
    comment: IssueComment
    repository: Repository
    sender: User
    changes: IssueCommentChanges | None = None
    installation: InstallationReference | None = None


@frozen
class LabelChanges:
    name: TextChange | None = None
    color: TextChange | None = None


@frozen
class LabelPayload:
    action: Literal["created", "edited", "deleted"]
    label: Label
    repository: Repository
    sender: User
    changes: LabelChanges | None = None
    installation: InstallationReference | None = None


@frozen
class MilestonePayload:
    action: Literal["created", "closed", "opened", "edited", "deleted"]
    milestone: Milestone
    repository: Repository
    sender: User
    enterprise: Enterprise | None = None
    installation: InstallationReference | None = None


# Pull requests


@frozen
class PullRequestEnd:
    label: str
    ref: str
    sha: str
    user: User
    repo: Repository | None  # null once a fork is deleted


@frozen
class PullRequestLinks:
    html: Link
    issue: Link
    commits: Link


@frozen
class PullRequestSummary:
    """A pull request as it lies in the events of its reviews."""

    id: int
    number: int
    state: OpenOrClosed
    locked: bool
    title: str
    user: User
    body: str | None
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    merged_at: datetime | None
    merge_commit_sha: str | None
    assignees: list[User]
    requested_reviewers: list[User]
    requested_teams: list[Team]
    labels: list[Label]
    milestone: Milestone | None
    head: PullRequestEnd
    base: PullRequestEnd
    author_association: AuthorAssociation
    links: PullRequestLinks = field(alias="_links")


@frozen
class PullRequest:
    id: int
    number: int
    state: OpenOrClosed
    locked: bool
    title: str
    user: User
    body: str | None
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    merged_at: datetime | None
    assignee: User | None
    assignees: list[User]
    labels: list[Label]
    milestone: Milestone | None
    head: PullRequestEnd
    base: PullRequestEnd
    draft: bool
    merged: bool
    mergeable: bool | None
    mergeable_state: str
    merged_by: User | None
    commits: int
    additions: int
    deletions: int
    changed_files: int
    links: PullRequestLinks = field(alias="_links")


@frozen
class PullRequestPayload:
    action: Literal[
        "assigned",
        "closed",
        "converted_to_draft",
        "edited",
        "labeled",
        "locked",
        "opened",
        "ready_for_review",
        "reopened",
        "review_request_removed",
        "review_requested",
        "synchronize",
        "unassigned",
        "unlabeled",
        "unlocked",
    ]
    number: int
    pull_request: PullRequest
    repository: Repository
    sender: User
    assignee: User | None = None
    label: Label | None = None
    installation: InstallationReference | None = None


@frozen
class Review:
    id: int
    user: User
    body: str | None
    commit_id: str
    submitted_at: datetime | None
    state: Literal["approved", "changes_requested", "commented", "dismissed", "pending"]
    author_association: AuthorAssociation


@frozen
class PullRequestReviewPayload:
    action: Literal["submitted", "edited", "dismissed"]
    review: Review
    pull_request: PullRequestSummary
    repository: Repository
    sender: User
    installation: InstallationReference | None = None


@frozen
class ReviewComment:
    id: int
    pull_request_review_id: int | None
    diff_hunk: str
    path: str
    position: int | None
    original_position: int
    commit_id: str
    user: User
    body: str
    created_at: datetime
    updated_at: datetime


@frozen
class PullRequestReviewCommentPayload:
    action: Literal["created", "edited", "deleted"]
    comment: ReviewComment
    pull_request: PullRequestSummary
    repository: Repository
    sender: User
    installation: InstallationReference | None = None


# Commits, branches and tags


@frozen
class HeadCommit:
    id: str
    tree_id: str
    message: str
    timestamp: datetime
    author: GitIdentity
    committer: GitIdentity


@frozen
class PushedCommit:
    id: str
    tree_id: str
    distinct: bool
    message: str
    timestamp: datetime
    url: str
    author: GitIdentity
    committer: GitIdentity
    added: list[str]
    removed: list[str]
    modified: list[str]


@frozen
class PushPayload:
    ref: str
    before: str
    after: str
    created: bool
    deleted: bool
    forced: bool
    base_ref: str | None
    compare: str
    commits: list[PushedCommit]
    head_commit: PushedCommit | None
    repository: PushedRepository
    pusher: GitIdentity
    sender: User


@frozen
class CommitComment:
    id: int
    user: User
    position: int | None
    line: int | None
    path: str | None
    commit_id: str
    created_at: datetime
    updated_at: datetime
    author_association: AuthorAssociation
    body: str


@frozen
class CommitCommentPayload:
    action: Literal["created"]
    comment: CommitComment
    repository: Repository
    sender: User
    installation: InstallationReference | None = None


@frozen
class CreatePayload:
    ref: str
    ref_type: RefType
    master_branch: str
    description: str | None
    pusher_type: Literal["user", "deploy_key"]
    repository: Repository
    sender: User


@frozen
class DeletePayload:
    ref: str
    ref_type: RefType
    pusher_type: Literal["user", "deploy_key"]
    repository: Repository
    sender: User


@frozen
class BranchProtectionRule:
    id: int
    repository_id: int
    name: str
    created_at: datetime
    updated_at: datetime
    required_approving_review_count: int
    required_status_checks: list[str]
    required_status_checks_enforcement_level: Literal["off", "non_admins", "everyone"]
    admin_enforced: bool
    authorized_actors_only: bool
    authorized_actor_names: list[str]


@frozen
class BranchProtectionRulePayload:
    action: Literal["created", "deleted", "edited"]
    rule: BranchProtectionRule
    repository: Repository
    sender: User
    organization: Organization | None = None


@frozen
class GitTree:
    sha: str
    url: str


@frozen
class Verification:
    verified: bool
    reason: str
    signature: str | None
    payload: str | None


@frozen
class GitCommit:
    author: GitIdentity
    committer: GitIdentity
    message: str
    tree: GitTree
    comment_count: int
    verification: Verification


@frozen
class Commit:
    sha: str
    commit: GitCommit
    author: User | None
    committer: User | None
    parents: list[GitTree]


@frozen
class Branch:
    name: str
    commit: GitTree
    protected: bool


@frozen
class StatusPayload:
    id: int
    sha: str
    name: str
    target_url: str | None
    context: str
    description: str | None
    state: Literal["pending", "success", "failure", "error"]
    commit: Commit
    branches: list[Branch]
    created_at: datetime
    updated_at: datetime
    repository: Repository
    sender: User


# Releases, deployments and checks


@frozen
class ReleaseAsset:
    id: int
    name: str
    content_type: str
    size: int
    browser_download_url: str


@frozen
class Release:
    id: int
    tag_name: str
    target_commitish: str
    name: str | None
    draft: bool
    author: User
    prerelease: bool
    created_at: datetime
    published_at: datetime | None
    assets: list[ReleaseAsset]
    body: str | None


@frozen
class ReleasePayload:
    action: Literal[
        "created", "deleted", "edited", "prereleased", "published", "released", "unpublished"
    ]
    release: Release
    repository: Repository
    sender: User
    enterprise: Enterprise | None = None
    installation: InstallationReference | None = None


@frozen
class Deployment:
    id: int
    sha: str
    ref: str
    task: str
    payload: dict[str, Any]
    original_environment: str
    environment: str
    description: str | None
    creator: User
    created_at: datetime
    updated_at: datetime


@frozen
class DeploymentPayload:
    deployment: Deployment
    repository: Repository
    sender: User
    enterprise: Enterprise | None = None
    installation: InstallationReference | None = None


@frozen
class DeploymentStatus:
    id: int
    state: Literal["error", "failure", "inactive", "in_progress", "queued", "pending", "success"]
    creator: User
    description: str
    environment: str
    created_at: datetime
    updated_at: datetime


@frozen
class DeploymentStatusPayload:
    deployment_status: DeploymentStatus
    deployment: Deployment
    repository: Repository
    sender: User
    installation: InstallationReference | None = None


@frozen
class App:
    id: int
    owner: User
    name: str
    description: str | None
    created_at: datetime
    updated_at: datetime
    permissions: dict[str, Literal["read", "write", "admin"]]
    events: list[str]


@frozen
class CheckedRepository:
    id: int
    url: str
    name: str


@frozen
class CheckedEnd:
    ref: str
    sha: str
    repo: CheckedRepository


@frozen
class CheckedPullRequest:
    id: int
    number: int
    url: str
    head: CheckedEnd
    base: CheckedEnd


@frozen
class CheckSuite:
    id: int
    head_branch: str | None
    head_sha: str
    status: CheckStatus
    conclusion: Conclusion | None
    before: str | None
    after: str | None
    pull_requests: list[CheckedPullRequest]
    app: App
    created_at: datetime
    updated_at: datetime
    latest_check_runs_count: int | None = None
    head_commit: HeadCommit | None = None


@frozen
class CheckSuitePayload:
    action: Literal["completed", "requested", "rerequested"]
    check_suite: CheckSuite
    repository: Repository
    sender: User
    installation: InstallationReference | None = None


@frozen
class CheckRunOutput:
    title: str | None
    summary: str | None
    text: str | None
    annotations_count: int


@frozen
class CheckRun:
    id: int
    name: str
    head_sha: str
    external_id: str
    status: CheckStatus
    conclusion: Conclusion | None
    started_at: datetime
    completed_at: datetime | None
    output: CheckRunOutput
    check_suite: CheckSuite
    app: App
    pull_requests: list[CheckedPullRequest]


@frozen
class CheckRunPayload:
    action: Literal["completed", "created", "requested_action", "rerequested"]
    check_run: CheckRun
    repository: Repository
    sender: User
    installation: InstallationReference | None = None


@frozen
class Workflow:
    id: int
    name: str
    path: str
    state: str
    created_at: datetime
    updated_at: datetime


@frozen
class WorkflowRun:
    id: int
    name: str
    event: str
    head_branch: str | None
    head_sha: str
    head_commit: HeadCommit
    head_repository: RepositorySummary
    status: CheckStatus
    conclusion: Conclusion | None
    pull_requests: list[CheckedPullRequest]
    run_attempt: int
    run_number: int
    run_started_at: datetime
    created_at: datetime
    updated_at: datetime
    workflow_id: int


@frozen
class WorkflowRunPayload:
    action: Literal["completed", "in_progress", "requested"]
    workflow: Workflow
    workflow_run: WorkflowRun
    repository: Repository
    sender: User
    organization: Organization | None = None


@frozen
class WorkflowStep:
    number: int
    name: str
    status: CheckStatus
    conclusion: Conclusion | None
    started_at: datetime | None
    completed_at: datetime | None


@frozen
class WorkflowJob:
    id: int
    run_id: int
    name: str
    head_sha: str
    status: CheckStatus
    conclusion: Conclusion | None
    started_at: datetime
    completed_at: datetime | None
    steps: list[WorkflowStep]
    labels: list[str]
    runner_id: int | None
    runner_name: str | None


@frozen
class WorkflowJobPayload:
    action: Literal["completed", "in_progress", "queued", "waiting"]
    workflow_job: WorkflowJob
    repository: Repository
    sender: User
    organization: Organization | None = None


@frozen
class AlertInstance:
    ref: str
    analysis_key: str
    environment: str
    state: str


@frozen
class AlertRule:
    id: str
    severity: Literal["none", "note", "warning", "error"] | None
    description: str


@frozen
class AlertTool:
    name: str
    version: str | None


@frozen
class CodeScanningAlert:
    number: int
    created_at: datetime
    instances: list[AlertInstance]
    state: Literal["open", "dismissed", "fixed"]
    dismissed_by: User | None
    dismissed_at: datetime | None
    dismissed_reason: str | None
    rule: AlertRule
    tool: AlertTool


@frozen
class CodeScanningAlertPayload:
    action: Literal[
        "appeared_in_branch", "closed_by_user", "created", "fixed", "reopened", "reopened_by_user"
    ]
    alert: CodeScanningAlert
    ref: str
    commit_oid: str
    repository: Repository
    organization: Organization | None = None


# Repositories and who may use them


@frozen
class StarPayload:
    action: Literal["created", "deleted"]
    starred_at: datetime | None
    repository: Repository
    sender: User
    organization: Organization | None = None
    installation: InstallationReference | None = None


@frozen
class WatchPayload:
    action: Literal["started"]
    repository: Repository
    sender: User
    enterprise: Enterprise | None = None
    installation: InstallationReference | None = None


@frozen
class ForkPayload:
    forkee: Repository
    repository: Repository
    sender: User
    enterprise: Enterprise | None = None
    installation: InstallationReference | None = None


@frozen
class RepositoryPayload:
    action: Literal[
        "archived",
        "created",
        "deleted",
        "edited",
        "privatized",
        "publicized",
        "renamed",
        "transferred",
        "unarchived",
    ]
    repository: Repository
    sender: User
    organization: Organization | None = None
    enterprise: Enterprise | None = None
    installation: InstallationReference | None = None


@frozen
class WikiPage:
    page_name: str
    title: str
    summary: str | None
    action: Literal["created", "edited"]
    sha: str
    html_url: str


@frozen
class GollumPayload:
    pages: list[WikiPage]
    repository: Repository
    sender: User
    organization: Organization | None = None
    installation: InstallationReference | None = None


@frozen
class MemberPayload:
    action: Literal["added", "edited", "removed"]
    member: User
    repository: Repository
    sender: User
    installation: InstallationReference | None = None


@frozen
class PageBuildError:
    message: str | None


@frozen
class PageBuild:
    status: str | None
    error: PageBuildError
    pusher: User
    commit: str
    duration: int
    created_at: datetime
    updated_at: datetime


@frozen
class PageBuildPayload:
    id: int
    build: PageBuild
    repository: Repository
    sender: User
    installation: InstallationReference | None = None


@frozen
class HookConfiguration:
    content_type: Literal["json", "form"]
    url: str
    insecure_ssl: Literal["0", "1"]


@frozen
class HookResponse:
    code: int | None
    status: str | None
    message: str | None


@frozen
class Hook:
    id: int
    type: Literal["Repository", "Organization", "App"]
    name: str
    active: bool
    events: list[str]
    config: HookConfiguration
    created_at: datetime
    updated_at: datetime
    last_response: HookResponse | None = None


@frozen
class PingPayload:
    zen: str
    hook_id: int
    hook: Hook
    repository: Repository | None = None
    sender: User | None = None


# Organizations, teams and installations


@frozen
class TeamPayload:
    action: Literal[
        "added_to_repository", "created", "deleted", "edited", "removed_from_repository"
    ]
    team: Team
    organization: Organization
    sender: User
    repository: Repository | None = None
    enterprise: Enterprise | None = None


@frozen
class TeamAddPayload:
    team: Team
    repository: Repository
    organization: Organization
    sender: User
    enterprise: Enterprise | None = None


@frozen
class MembershipPayload:
    action: Literal["added", "removed"]
    scope: Literal["team", "organization"]
    member: User
    team: Team
    organization: Organization
    sender: User


@frozen
class OrganizationMembership:
    url: str
    state: Literal["active", "inactive", "pending"]
    role: Literal["admin", "member", "unaffiliated"]
    organization_url: str
    user: User


@frozen
class OrganizationPayload:
    action: Literal["deleted", "member_added", "member_invited", "member_removed", "renamed"]
    organization: Organization
    sender: User
    membership: OrganizationMembership | None = None
    enterprise: Enterprise | None = None


@frozen
class Installation:
    id: int
    account: User
    repository_selection: Literal["all", "selected"]
    app_id: int
    target_id: int
    target_type: AccountType
    permissions: dict[str, Literal["read", "write", "admin"]]
    events: list[str]
    # Seconds since 1970 in some deliveries, RFC 3339 in others.
    created_at: datetime | int
    updated_at: datetime | int
    single_file_name: str | None


@frozen
class InstallationPayload:
    action: Literal[
        "created", "deleted", "new_permissions_accepted", "suspend", "suspended", "unsuspend"
    ]
    installation: Installation
    sender: User
    repositories: list[RepositorySummary] = field(factory=list)
    enterprise: Enterprise | None = None


@frozen
class InstallationRepositoriesPayload:
    action: Literal["added", "removed"]
    installation: Installation
    repository_selection: Literal["all", "selected"]
    repositories_added: list[RepositorySummary]
    repositories_removed: list[RepositorySummary]
    sender: User


PAYLOAD_TYPES: Final[Mapping[str, type[Any]]] = MappingProxyType(
    {
        "branch_protection_rule": BranchProtectionRulePayload,
        "check_run": CheckRunPayload,
        "check_suite": CheckSuitePayload,
        "code_scanning_alert": CodeScanningAlertPayload,
        "commit_comment": CommitCommentPayload,
        "create": CreatePayload,
        "delete": DeletePayload,
        "deployment": DeploymentPayload,
        "deployment_status": DeploymentStatusPayload,
        "fork": ForkPayload,
        "gollum": GollumPayload,
        "installation": InstallationPayload,
        "installation_repositories": InstallationRepositoriesPayload,
        "issue_comment": IssueCommentPayload,
        "issues": IssuesPayload,
        "label": LabelPayload,
        "member": MemberPayload,
        "membership": MembershipPayload,
        "milestone": MilestonePayload,
        "organization": OrganizationPayload,
        "page_build": PageBuildPayload,
        "ping": PingPayload,
        "pull_request": PullRequestPayload,
        "pull_request_review": PullRequestReviewPayload,
        "pull_request_review_comment": PullRequestReviewCommentPayload,
        "push": PushPayload,
        "release": ReleasePayload,
        "repository": RepositoryPayload,
        "star": StarPayload,
        "status": StatusPayload,
        "team": TeamPayload,
        "team_add": TeamAddPayload,
        "watch": WatchPayload,
        "workflow_job": WorkflowJobPayload,
        "workflow_run": WorkflowRunPayload,
    }
)
