/// Everything the host's API can do.
///
/// A server answers each of them, a client asks for them by these names, which are the `operationId`s of
/// `docs/openapi.yaml`.
public enum Operation: String, Sendable, CaseIterable {
    case getAll = "get-all"
    // Settings
    case getSettings = "get-settings"
    case patchSettings = "patch-settings"
    case patchKeyPairs = "patch-key-pairs"
    case deleteSettings = "delete-settings"
    // Transactions
    case getTransaction = "get-transaction"
    case getTransactionWithMetadata = "get-transaction-v2"
    case deleteTransaction = "delete-transaction"
    case listTransactions = "list-transactions"
    case commit
    case apply
    case commitAndApply = "commit-and-apply"
    // Generations
    case listGenerations = "list-generations"
    case getGeneration = "get-generation"
    case compareGenerations = "compare-generations"
    case restoreGeneration = "restore-generation"
    case confirmCommit = "confirm-commit"
    // What the host is
    case getOS = "get-os"
    case getAffectedServices = "get-affected-services"
    case getGenerators = "get-generators"
    case getGeneratorsV2 = "get-generators-v2"
    case getTemplates = "get-templates"
    case getServices = "get-services"
    case getConfigurationFiles = "get-configuration-files"
    case getHostContainers = "get-host-containers"
    // Actions
    case reboot
    case lockdown
    case exec
    case refreshUpdates = "refresh-updates"
    case prepareUpdate = "prepare-update"
    case activateUpdate = "activate-update"
    case deactivateUpdate = "deactivate-update"
    case getUpdateStatus = "get-update-status"
    // The updater's own (`RouteTable.updaterEndpoints`)
    case commitBoot = "commit-boot"
    case rollBack = "roll-back"
    // Watching
    case getHealth = "get-health"
    case postBootReport = "post-boot-report"
    case getMetrics = "get-metrics"
    case watchEvents = "watch-events"
    case getReport = "get-report"
    case getOpenAPI = "get-openapi"
}
