internal import Protobuf
internal import SmallFiles

/// The process that a lease is for, as a label that tells whether it is still there.
struct LeaseOwner: Equatable {
    static let label = "bulkhead/owner"

    /// The id of the boot, the number of the process, and its start in ticks since the boot: a number that is used
    /// again has another one.
    let text: String

    /// This process; nil when /proc does not say.
    static var current: LeaseOwner? { LeaseOwner(process: "self") }

    /// A process, by its number.
    init?(process: some StringProtocol) {
        guard let boot = Self.read("/proc/sys/kernel/random/boot_id"),
            let stat = Self.read("/proc/\(process)/stat"),
            // The name in parentheses may have any characters.
            let end = stat.lastIndex(of: ")"), let number = stat.split(separator: " ").first
        else { return nil }
        let fields = stat[end...].split(separator: " ")
        guard fields.count > 20 else { return nil }
        text = "\(boot.filter { !$0.isWhitespace }) \(number) \(fields[20])"
    }

    /// Whether the process that a label names is still there.
    static func isThere(_ label: String) -> Bool {
        let fields = label.split(separator: " ")
        guard fields.count == 3, fields[1].allSatisfy(\.isNumber) else { return false }
        return LeaseOwner(process: fields[1])?.text == label
    }

    private static func read(_ path: String) -> String? {
        (try? readSmallFile(path, maximumLength: 4096)).map { String(decoding: $0, as: UTF8.self) }
    }
}

extension ContainerRuntime {
    /// Makes a lease: what is stored under it stays until it is removed, or until this process has ended and somebody
    /// sweeps.
    ///
    /// - Returns: its name.
    func makeLease(_ what: String) async throws(ContainerError) -> String {
        let id = "bulkhead-" + String(UInt64.random(in: .min ... .max), radix: 16)
        var labels: [String: String] = [:]
        if let owner = LeaseOwner.current { labels[LeaseOwner.label] = owner.text }
        _ = try await call(Leases.create, Leases.CreateRequest(id: id, labels: labels), what)
        return id
    }

    /// Removes a lease, in a task that is cancelled too.
    ///
    /// When containerd is away for long, the lease stays until somebody sweeps.
    ///
    /// - Parameter sync: whether what nothing needs any more is removed at once: failed imports leave gigabytes.
    func removeLease(_ id: String, sync: Bool = false) async {
        await Task {
            _ = try? await self.call(
                Leases.delete,
                Leases.DeleteRequest(id: id, sync: sync),
                "remove lease '\(id)'",
                .repeated
            )
        }.value
    }
}
