"""One change to the good document for every kind of fault, and what must be said about it."""

from tests.unit.policy.documents import IDENTITIES, LOGISTICS_OBJECT, STOREFRONT_APP

HERE = "# <-"
"""Stands in the changed document on every line that must be named."""

STOREFRONT = "  storefront-web:\n"
GUID = "d0000000-0000-4000-8000-000000000001"
ACCOUNT_NAMED_SERVICE = f"""\
  service: # <-
    subscription: {GUID}
    resourceGroup: rg
    hosts: [https://eu.atlas.microsoft.com]
    identities: {{a: {IDENTITIES}/a}}
"""

FAULTS = {
    "unknown key": (
        ("    dataRole: Azure Maps Data Reader\n", "    dataRole: Azure Maps Data Reader\n    datarole: x # <-\n"),
        "/profiles/storefront-web/datarole",
        "is unknown; did you mean 'dataRole'?",
    ),
    "unknown key at the top": (("version: 1\n", "version: 1\nteam: {} # <-\n"), "/team", "did you mean 'teams'?"),
    "unknown key near nothing": (("version: 1\n", "version: 1\nzzz: 1 # <-\n"), "/zzz", "known: accounts, profiles"),
    "unknown key with a slash": (("version: 1\n", "version: 1\na/b~c: 1 # <-\n"), "/a~1b~0c", "is unknown"),
    "missing key": (
        (f"{STOREFRONT}    account: maps-demo\n", "  storefront-web: # <-\n"),
        "/profiles/storefront-web/account",
        "is missing",
    ),
    "missing value": (
        ("    account: maps-day\n", "    account: # <-\n"),
        "/profiles/world/account",
        "has no value",
    ),
    "wrong version": (("version: 1\n", "version: 2 # <-\n"), "/version", "it must be 1"),
    "version as text": (("version: 1\n", "version: '1' # <-\n"), "/version", "must be a whole number"),
    "duplicate profile": (
        ("teams:\n", "  world: {} # <-\nteams:\n"),
        "/profiles/world",
        "is given twice, first on line 39",
    ),
    "duplicate key": (
        ("    sharing: shared\n", "    sharing: shared\n    sharing: exclusive # <-\n"),
        "/profiles/world/sharing",
        "is given twice",
    ),
    "bad name": (
        ("teams:\n  storefront:\n", "teams:\n  Store_Front: # <-\n"),
        "/teams/Store_Front",
        "as a name must be 1 to 63 lower-case",
    ),
    "account named service": (
        (
            "profiles:\n",
            f"{ACCOUNT_NAMED_SERVICE}profiles:\n",
        ),
        "/accounts/service",
        "not 'service'",
    ),
    "subscription is no GUID": (
        (f"subscription: {GUID}\n", "subscription: contoso # <-\n"),
        "/accounts/maps-demo/subscription",
        "is not a GUID",
    ),
    "resource group": (
        ("resourceGroup: maps-rg\n", "resourceGroup: maps/rg # <-\n"),
        "/accounts/maps-demo/resourceGroup",
        "is not the name of an Azure resource group",
    ),
    "host with a path": (
        ("[https://eu.atlas.microsoft.com]\n", "[https://eu.atlas.microsoft.com/map] # <-\n"),
        "/accounts/maps-day/hosts/0",
        "no path",
    ),
    "plain http host": (
        ("[https://eu.atlas.microsoft.com]\n", "[http://eu.atlas.microsoft.com] # <-\n"),
        "/accounts/maps-day/hosts/0",
        "http for loopback",
    ),
    "no host": (("[https://eu.atlas.microsoft.com]\n", "[] # <-\n"), "/accounts/maps-day/hosts", "an empty list"),
    "ceiling above ours": (
        ("platformCeiling: P365D\n", "platformCeiling: P366D # <-\n"),
        "/accounts/maps-demo/platformCeiling",
        "P366D can never apply: it must be PT5M1S to P365D",
    ),
    "ceiling in years": (
        ("platformCeiling: P365D\n", "platformCeiling: P1Y # <-\n"),
        "/accounts/maps-demo/platformCeiling",
        "'P1Y' is not an ISO 8601 duration",
    ),
    "duration as a number": (
        ("      default: PT1H\n", "      default: 3600 # <-\n"),
        "/profiles/storefront-web/lifetime/default",
        "must be an ISO 8601 duration",
    ),
    "identity of the wrong ARM type": (
        (
            f"world-a: {IDENTITIES}/world-a\n",
            f"world-a: /subscriptions/{GUID}/resourceGroups/rg/providers/Microsoft.Maps/accounts/a # <-\n",
        ),
        "/accounts/maps-day/identities/world-a",
        "is not the ARM id of a user-assigned identity",
    ),
    "two names for one identity": (
        (f"world-b: {IDENTITIES}/world-b\n", f"world-b: {IDENTITIES.replace('maps-rg', 'MAPS-RG')}/World-A # <-\n"),
        "/accounts/maps-day/identities/world-b",
        "is the same Azure resource as identity 'world-a'",
    ),
    "two accounts for one resource": (
        ("  maps-day:\n", "  maps-day: # <-\n    resourceName: Maps-Demo\n"),
        "/accounts/maps-day",
        "is the same Azure resource as account 'maps-demo'",
    ),
    "unknown account": (
        ("    account: maps-day\n", "    account: maps-dya # <-\n"),
        "/profiles/world/account",
        "'maps-dya' is no account; did you mean 'maps-day'?",
    ),
    "unknown identity": (
        ("[world-a, world-b]\n", "[world-a, storefront-web-b] # <-\n"),
        "/profiles/world/identities/1",
        "'storefront-web-b' is no identity of account 'maps-day'",
    ),
    "one identity": (("[world-a, world-b]\n", "[world-a] # <-\n"), "/profiles/world/identities", "needs 2 or more"),
    "the same identity twice": (
        ("[world-a, world-b]\n", "[world-a, world-a] # <-\n"),
        "/profiles/world/identities/1",
        "stands in the list already",
    ),
    "one identity under two roles": (
        ("[logistics-batch-a, logistics-batch-b]\n", "[logistics-batch-a, storefront-web-a] # <-\n"),
        "/profiles/logistics-batch/identities/1",
        "its tokens would have both roles",
    ),
    "no regions": (
        ("regions: [eastus, westus2]\n", "regions: [] # <-\n"),
        "/profiles/logistics-batch/regions",
        "empty",
    ),
    "regions in capitals": (
        ("regions: [eastus, westus2]\n", "regions: [eastus, WestUS2] # <-\n"),
        "/profiles/logistics-batch/regions/1",
        "is not an Azure location in lower case",
    ),
    "any among regions": (
        ("regions: [eastus, westus2]\n", "regions: [eastus, any] # <-\n"),
        "/profiles/logistics-batch/regions/1",
        "is not an Azure location",
    ),
    "regions as one word": (
        ("regions: [eastus, westus2]\n", "regions: eastus # <-\n"),
        "/profiles/logistics-batch/regions",
        "must be a list of regions, or the one word any",
    ),
    "rate above Azure's": (
        ("maxRatePerSecond: 50\n", "maxRatePerSecond: 501 # <-\n"),
        "/profiles/storefront-web/maxRatePerSecond",
        "501 can never apply: it must be 1 to 500",
    ),
    "rate of nothing": (
        ("maxRatePerSecond: 50\n", "maxRatePerSecond: 0 # <-\n"),
        "/profiles/storefront-web/maxRatePerSecond",
        "0 can never apply",
    ),
    "rate as a fraction": (
        ("maxRatePerSecond: 50\n", "maxRatePerSecond: 49.5 # <-\n"),
        "/profiles/storefront-web/maxRatePerSecond",
        "must be a whole number",
    ),
    "minimum for which the web control loops": (
        ("      min: PT10M\n", "      min: PT5M # <-\n"),
        "/profiles/storefront-web/lifetime/min",
        "PT5M can never apply: it must be PT5M1S",
    ),
    "maximum below the minimum": (
        ("      max: PT2H\n      default: PT1H\n", "      max: PT9M # <-\n"),
        "/profiles/storefront-web/lifetime/max",
        "PT9M can never apply: lifetime.min is PT10M (the default)",
    ),
    "default above the maximum": (
        ("      default: PT1H\n", "      default: PT3H # <-\n"),
        "/profiles/storefront-web/lifetime/default",
        "PT3H is longer than lifetime.max, PT2H",
    ),
    "default below the minimum": (
        ("      default: PT1H\n", "      default: PT6M # <-\n"),
        "/profiles/storefront-web/lifetime/default",
        "PT6M is shorter than lifetime.min, PT10M",
    ),
    "maximum above the account's ceiling": (
        ("    lifetime: {max: PT24H}\n", "    lifetime: {max: PT25H} # <-\n"),
        "/profiles/world/lifetime/max",
        "P1DT1H can never apply: accounts.maps-day.platformCeiling is P1D (what Azure documents",
    ),
    "lifetime as one duration": (
        ("    lifetime: {max: PT24H}\n", "    lifetime: PT24H # <-\n"),
        "/profiles/world/lifetime",
        "must be a mapping",
    ),
    "sharing": (("sharing: shared\n", "sharing: both # <-\n"), "/profiles/world/sharing", "one of exclusive, shared"),
    "window of an exclusive profile": (
        ("    cors: [https://shop.example]\n", "    cors: [https://shop.example]\n    window: PT20M # <-\n"),
        "/profiles/storefront-web/window",
        "means nothing where sharing is exclusive",
    ),
    "budget of a shared profile": (
        ("    sharing: shared\n", "    sharing: shared\n    budget: {liveTokens: 9} # <-\n"),
        "/profiles/world/budget",
        "cannot be kept where sharing is shared",
    ),
    "budget where no location is named": (
        ("    regions: [eastus, westus2]\n", "    regions: any\n    budget: {requestsPerSecond: 900} # <-\n"),
        "/profiles/logistics-batch/budget/requestsPerSecond",
        "cannot be kept where regions is any",
    ),
    "budget of nothing": (
        ("    cors: [https://shop.example]\n", "    budget: {} # <-\n"),
        "/profiles/storefront-web/budget",
        "must have at least 1 of liveTokens, requestsPerSecond",
    ),
    "window without time to renew in": (
        ("    sharing: shared\n", "    sharing: shared\n    window: PT50M # <-\n"),
        "/profiles/world/window",
        "PT50M can never apply: lifetime.default is PT1H, so it must be at most PT49M",
    ),
    "shared token that lives too short": (
        (
            "    lifetime: {max: PT24H}\n    startAhead: P1D\n    sharing: shared\n",
            "    lifetime: {max: PT14M59S}\n    startAhead: P1D\n    sharing: shared # <-\n",
        ),
        "/profiles/world/sharing",
        "lifetime.default must be at least PT15M where tokens are shared; it is PT14M59S",
    ),
    "wildcard origin": (
        ("cors: [https://shop.example]\n", 'cors: ["*"] # <-\n'),
        "/profiles/storefront-web/cors/0",
        "no wildcard",
    ),
    "wildcard in an origin": (
        ("cors: [https://shop.example]\n", 'cors: ["https://*.example"] # <-\n'),
        "/profiles/storefront-web/cors/0",
        "no wildcard",
    ),
    "origin with its usual port": (
        ("cors: [https://shop.example]\n", "cors: ['https://shop.example:443'] # <-\n"),
        "/profiles/storefront-web/cors/0",
        "is not an origin",
    ),
    "empty cors": (
        ("cors: [https://shop.example]\n", "cors: [] # <-\n"),
        "/profiles/storefront-web/cors",
        "empty list",
    ),
    "no members": (
        (f"    members: {{objects: [{LOGISTICS_OBJECT}]}}\n", "    members: {} # <-\n"),
        "/teams/logistics/members",
        "must have at least 1 of applications, objects, groups",
    ),
    "an empty list of members": (
        (f"applications: [{STOREFRONT_APP}]\n", "applications: [] # <-\n"),
        "/teams/storefront/members/applications",
        "an empty list",
    ),
    "a member that is no GUID": (
        (f"applications: [{STOREFRONT_APP}]\n", f"applications: [{STOREFRONT_APP}, me] # <-\n"),
        "/teams/storefront/members/applications/1",
        "'me' is not a GUID",
    ),
    "a member twice": (
        (f"applications: [{STOREFRONT_APP}]\n", f"applications: [{STOREFRONT_APP}, {STOREFRONT_APP.upper()}] # <-\n"),
        "/teams/storefront/members/applications/1",
        "stands in the list already",
    ),
    "members as a list": (
        (f"    members: {{objects: [{LOGISTICS_OBJECT}]}}\n", f"    members: [{LOGISTICS_OBJECT}] # <-\n"),
        "/teams/logistics/members",
        "must be a mapping",
    ),
    "a team without profiles": (
        ("profiles: [logistics-batch]\n", "profiles: [] # <-\n"),
        "/teams/logistics/profiles",
        "an empty list",
    ),
    "a team with an unknown profile": (
        ("profiles: [logistics-batch]\n", "profiles: [logistics] # <-\n"),
        "/teams/logistics/profiles/0",
        "'logistics' is no profile; did you mean 'logistics-batch'?",
    ),
    "a list on lines of its own": (
        ("profiles: [logistics-batch]\n", "profiles:\n      - logistics-batch\n      - unknown # <-\n"),
        "/teams/logistics/profiles/1",
        "'unknown' is no profile",
    ),
    "a vault without https": (
        (
            "    cors: [https://shop.example]\n",
            "    keyVaultSecret: {vault: http://v.vault.azure.net, secret: a} # <-\n",
        ),
        "/profiles/storefront-web/keyVaultSecret/vault",
        "is not the address of a Key Vault",
    ),
    "a shared token in a secret": (
        (
            "    sharing: shared\n",
            "    sharing: shared\n    keyVaultSecret: {vault: https://maps-vault.vault.azure.net, secret: a} # <-\n",
        ),
        "/profiles/world/keyVaultSecret",
        "cannot fill a secret",
    ),
    "too many approvals": (
        ("version: 1\n", "version: 1\nrevocations: {approvals: 3} # <-\n"),
        "/revocations/approvals",
        "it must be 0 to 2",
    ),
}
