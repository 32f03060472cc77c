"""The built-in role definitions that matter to Azure Maps, as published by Microsoft."""

from sas_service.emulator.world import RoleDefinition


def _role(name: str, role_name: str, description: str, **permissions: list[str]) -> RoleDefinition:
    return RoleDefinition(
        name=name,
        role_name=role_name,
        description=description,
        role_type="BuiltInRole",
        **permissions,
    )


BUILTIN_ROLES = (
    _role(
        "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
        "Owner",
        "Grants full access to manage all resources, including the ability to assign roles in Azure RBAC.",
        actions=["*"],
    ),
    _role(
        "b24988ac-6180-42a0-ab88-20f7382dd24c",
        "Contributor",
        "Grants full access to manage all resources, but does not allow you to assign roles in Azure RBAC.",
        actions=["*"],
        not_actions=[
            "Microsoft.Authorization/*/Delete",
            "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/elevateAccess/Action",
        ],
    ),
    _role(
        "acdd72a7-3385-48ef-bd42-f606fba81ae7",
        "Reader",
        "View all resources, but does not allow you to make any changes.",
        actions=["*/read"],
    ),
    _role(
        "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        "User Access Administrator",
        "Lets you manage user access to Azure resources.",
        actions=["*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"],
    ),
    _role(
        "f58310d9-a9f6-439a-9e8d-f62e7b41a168",
        "Role Based Access Control Administrator",
        "Manage access to Azure resources by assigning roles using Azure RBAC.",
        actions=[
            "Microsoft.Authorization/roleAssignments/write",
            "Microsoft.Authorization/roleAssignments/delete",
            "*/read",
            "Microsoft.Support/*",
        ],
    ),
    _role(
        "f1a07417-d97a-45cb-824c-7a7467783830",
        "Managed Identity Operator",
        "Read and Assign User Assigned Identity",
        actions=[
            "Microsoft.ManagedIdentity/userAssignedIdentities/*/read",
            "Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action",
            "Microsoft.Authorization/*/read",
            "Microsoft.Insights/alertRules/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            "Microsoft.Resources/deployments/*",
            "Microsoft.Support/*",
        ],
    ),
    _role(
        "e40ec5ca-96e0-45a2-b4ff-59039f2c2b59",
        "Managed Identity Contributor",
        "Create, Read, Update, and Delete User Assigned Identity",
        actions=[
            "Microsoft.ManagedIdentity/userAssignedIdentities/read",
            "Microsoft.ManagedIdentity/userAssignedIdentities/write",
            "Microsoft.ManagedIdentity/userAssignedIdentities/delete",
            "Microsoft.Authorization/*/read",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            "Microsoft.Resources/deployments/*",
        ],
    ),
    _role(
        "dba33070-676a-4fb0-87fa-064dc56ff7fb",
        "Azure Maps Contributor",
        "Grants access all Azure Maps resource management.",
        actions=[
            "Microsoft.Maps/*",
            "Microsoft.Authorization/*/read",
            "Microsoft.Resources/deployments/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
        ],
    ),
    _role(
        "423170ca-a8f6-4b0f-8487-9e4eb8f49bfa",
        "Azure Maps Data Reader",
        "Grants access to read map related data from an Azure maps account.",
        data_actions=["Microsoft.Maps/accounts/*/read"],
    ),
    _role(
        "6be48352-4f82-47c9-ad5e-0acacefdb005",
        "Azure Maps Search and Render Data Reader",
        "Grants access to very limited set of data APIs for common visual web SDK scenarios. "
        "Specifically, render and search data APIs.",
        data_actions=["Microsoft.Maps/accounts/services/render/read", "Microsoft.Maps/accounts/services/search/read"],
    ),
    _role(
        "d6470a16-71bd-43ab-86b3-6f3a73f4e787",
        "Azure Maps Data Read and Batch Role",
        "This role can be used to assign read and batch actions on Azure Maps.",
        data_actions=["Microsoft.Maps/accounts/services/*/read", "Microsoft.Maps/accounts/services/batch/action"],
    ),
    _role(
        "8f5e0ce6-4f7b-4dcf-bddf-e6f48634a204",
        "Azure Maps Data Contributor",
        "Grants access to read, write, and delete access to map related data from an Azure maps account.",
        data_actions=[
            "Microsoft.Maps/accounts/*/read",
            "Microsoft.Maps/accounts/*/write",
            "Microsoft.Maps/accounts/*/delete",
            "Microsoft.Maps/accounts/*/action",
        ],
    ),
    _role(
        "4633458b-17de-408a-b874-0445c86b69e6",
        "Key Vault Secrets User",
        "Read secret contents.",
        data_actions=[
            "Microsoft.KeyVault/vaults/secrets/getSecret/action",
            "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
        ],
    ),
    _role(
        "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
        "Key Vault Secrets Officer",
        "Perform any action on the secrets of a key vault, except manage permissions.",
        data_actions=["Microsoft.KeyVault/vaults/secrets/*"],
    ),
)
