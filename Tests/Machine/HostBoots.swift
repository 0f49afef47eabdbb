import Foundation
import TestSupport
import VirtualMachine

/// The image as it was built, with user data on its first boot, changed over its API, and booted once more.
///
/// Emulated boots take minutes, so there are two for all that a host does by itself, and each test looks at one side of
/// what they left.
struct HostBoots: Sendable {
    let image: BuiltImage
    let first: Boot
    let second: Boot
    /// What a preening e2fsck(8) said of the data partition before the second boot: its exit status.
    let preenStatus: Int32
    /// Own the files of the disks.
    private let guests: [Guest]

    var both: [Boot] { [first, second] }

    private static let userData = #"""
        [settings]
        motd = "from user data"

        [settings.network]
        hostname = "node-7.example.org"
        hosts = [["192.0.2.7", ["registry.example.org", "registry"]]]

        [settings.dns]
        name-servers = ["10.0.2.3", "not an address"]
        search-list = ["example.org"]

        [settings.ntp]
        time-servers = ["192.0.2.1"]

        [settings.kernel.sysctl]
        "net.ipv4.tcp_keepalive_time" = "321"
        "net.netfilter.nf_conntrack_max" = "65432"

        [settings.kernel.modules.nf_conntrack]
        autoload = true

        [[settings.container-registry.mirrors]]
        registry = "docker.io"
        endpoint = ["https://mirror.example.org"]
        """#

    /// Prints a file: there is no cat in the image.
    private static func show(_ path: String) -> String { "/usr/bin/systemd-analyze cat-config \(path)" }

    private static let files = [
        Probe.Section(name: "hostname", command: show("/run/sysctls/kernel/hostname")),
        Probe.Section(name: "hosts", command: show("/etc/hosts")),
        Probe.Section(name: "motd", command: show("/etc/motd")),
        Probe.Section(name: "ntp", command: show("/etc/systemd/timesyncd.conf.d/50-settings.conf")),
        Probe.Section(name: "dns", command: "/usr/bin/resolvectl --no-pager domain"),
        Probe.Section(name: "sysctl", command: show("/run/sysctls/net/ipv4/tcp_keepalive_time")),
        Probe.Section(name: "module-sysctl", command: show("/run/sysctls/net/netfilter/nf_conntrack_max")),
        Probe.Section(name: "containerd-configuration", command: show("/etc/containerd/config.toml")),
        Probe.Section(name: "authorities", command: show("/etc/ssl/certs/ca-certificates.crt")),
    ]

    private static let client = "/usr/bin/apiclient"

    /// What is asked, and changed, in the first boot, behind what is asked in each.
    private static let firstSections =
        Probe.sections + files + [
            Probe.Section(name: "get", command: "\(client) get settings"),
            Probe.Section(name: "os", command: "\(client) get os"),
            Probe.Section(name: "api-health", command: "\(client) health"),
            Probe.Section(
                name: "set",
                command: "\(client) set motd=changed network.hostname=node-8 "
                    + #"'kernel.sysctl."net.ipv4.tcp_keepalive_time"=322' 'ntp.time-servers=["192.0.2.2"]'"#
            ),
            Probe.Section(name: "set-motd", command: show("/etc/motd")),
            Probe.Section(name: "set-hostname", command: show("/run/sysctls/kernel/hostname")),
            Probe.Section(name: "set-sysctl", command: show("/run/sysctls/net/ipv4/tcp_keepalive_time")),
            Probe.Section(
                name: "set-ntp",
                command: show("/etc/systemd/timesyncd.conf.d/50-settings.conf")
            ),
            Probe.Section(
                name: "restarted",
                command: "/usr/bin/journalctl --no-pager -q -b -o cat _PID=1 UNIT=systemd-timesyncd.service"
            ),
            Probe.Section(name: "bad", command: "\(client) set network.hostname=bad_name! motd=not-taken"),
            Probe.Section(name: "unset", command: "\(client) unset ntp.time-servers"),
            Probe.Section(name: "unset-get", command: "\(client) get settings.ntp"),
            Probe.Section(name: "generations", command: "\(client) generations list"),
            Probe.Section(
                name: "api-journal",
                command: "/usr/bin/journalctl --no-pager -q -b -u apiserver.service -o json"
            ),
            // Not confirmed: the next boot begins long after these seconds.
            Probe.Section(name: "trial", command: "\(client) set --confirm-within 10 motd=on-trial"),
            Probe.Section(name: "trial-get", command: "\(client) get settings.motd"),
        ]

    private static let secondSections =
        Probe.sections + files + [
            Probe.Section(name: "get", command: "\(client) get settings"),
            Probe.Section(name: "api-health", command: "\(client) health"),
        ]

    private static let record = Recording {
        let image = try BuiltImage()
        let guest = try Guest(disk: image.disk, of: image, sections: firstSections, userData: userData)
        let first = try await guest.bootAndPowerOff()
        // What a file system is like that the kernel found an error in, and that needs more than a look.
        let damaged = try guest.flattenedDisk()
        let preenStatus = try damage(damaged)
        let next = try guest.copy(disk: damaged.path)
        let second = try await next.bootAndPowerOff(sections: secondSections)
        return HostBoots(
            image: image,
            first: first,
            second: second,
            preenStatus: preenStatus,
            guests: [guest, next]
        )
    }

    /// Puts a file on the data partition whose extents can't be read.
    private static func damage(_ disk: RawDisk) throws -> Int32 {
        let place = try TemporaryDirectory()
        let (commands, content) = (place.file("commands"), place.file("content"))
        try "damaged".write(toFile: content, atomically: true, encoding: .utf8)
        try "write \(content) \(damagedFile)\nsif \(damagedFile) block[0] 0\nssv state 2\n"
            .write(toFile: commands, atomically: true, encoding: .utf8)
        let data = try disk.ext4("data")
        _ = try runTool("debugfs", "-w", "-f", commands, data)
        return try runTool("e2fsck", "-p", data).status
    }

    /// The path of that file from the root of its file system.
    static let damagedFile = "/damaged"

    /// The boots, which the first test that asks for them starts.
    static func get() async throws -> HostBoots { try await record.value }
}
