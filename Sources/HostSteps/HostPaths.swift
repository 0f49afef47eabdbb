/// Where a host has what the steps read and write.
enum HostPaths {
    static let socket = "/run/api.sock"
    static let store = "/state/settings"
    static let features = "/usr/share/bulkhead/features"
    static let release = "/usr/lib/os-release"
    static let runtime = "/run/bulkhead"
    /// Where systemd has the credentials that the machine was given (https://systemd.io/CREDENTIALS).
    static let credentials = "/run/credentials/@system"
    static let client = "/usr/bin/apiclient"
    static let hostname = "/etc/hostname"
    static let wantedLockdown = "/etc/bulkhead/lockdown"
    static let kernelLockdown = "/sys/kernel/security/lockdown"
    /// The transaction in which the boot sets settings (Bottlerocket: `bottlerocket-launch`).
    static let transaction = "bulkhead-launch"
}
