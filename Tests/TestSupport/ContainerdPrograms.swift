import Foundation
import Glibc

/// The programs of the containerd package in the lock of the default variant, from the cache of packages.
struct ContainerdPrograms: Sendable {
    /// Where containerd, ctr and the shim are.
    let folder: String

    static let shared = Result { try ContainerdPrograms() }

    private struct Missing: Error, CustomStringConvertible {
        let description: String
    }

    private init() throws {
        if let reason = Containerd.whyNot { throw Missing(description: reason) }
        guard let package = Containerd.package else {
            throw Missing(description: "no containerd in the lock")
        }
        let place = FileManager.default.temporaryDirectory.appending(
            path: "bulkhead-test-\(UUID().uuidString)"
        ).path
        LeftOvers.add(path: place)
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        let script = "dpkg-deb --fsys-tarfile \"$1\" | tar -x -C \"$2\" --wildcards './usr/bin/*'"
        let (status, output) = try runTool("sh", "-c", script, "sh", package, place)
        guard status == 0 else { throw Missing(description: "\(package) cannot be unpacked: \(output)") }
        folder = "\(place)/usr/bin"
    }
}

extension Containerd {
    /// The path of its binary.
    public static var binary: String {
        get throws { "\(try ContainerdPrograms.shared.get().folder)/containerd" }
    }

    /// Why tests cannot start one; nil when they can.
    public static let whyNot: String? = {
        guard getuid() == 0 else { return "SKIPPED: only root can start containers" }
        guard let package else {
            return "SKIPPED: the lock of vm-containerd has no containerd for this machine"
        }
        guard FileManager.default.fileExists(atPath: package) else {
            return
                "SKIPPED: the cache has no \(package); 'make image' fetches it, BULKHEAD_CACHE names another cache"
        }
        let folders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        for tool in ["runc", "dpkg-deb", "unshare", "nsenter"]
        where !folders.contains(where: { FileManager.default.isExecutableFile(atPath: "\($0)/\(tool)") }) {
            return "SKIPPED: there is no \(tool) on this machine"
        }
        return nil
    }()

    /// Whether tests can start one.
    public static var isAvailable: Bool { whyNot == nil }

    /// The reason in the form that `.enabled(if:)` takes.
    public static var skipReason: String { whyNot ?? "" }

    /// The locked package's file in the cache; nil when the lock has none for this machine.
    static let package: String? = {
        #if arch(arm64)
            let architecture = "arm64"
        #else
            let architecture = "amd64"
        #endif
        let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let lock = repository.appending(path: "variants/vm-containerd/packages.lock")
        guard let text = try? String(contentsOf: lock, encoding: .utf8) else { return nil }
        // A package is a line of its own, for the sake of diffs.
        for line in text.split(separator: "\n") where line.contains("\"name\": \"containerd\"") {
            let bytes = Data(line.trimmingCharacters(in: CharacterSet(charactersIn: " ,")).utf8)
            guard let package = try? JSONSerialization.jsonObject(with: bytes) as? [String: Any],
                package["architecture"] as? String == architecture, let digest = package["sha256"] as? String
            else { continue }
            return "\(cache)/sha256/\(digest.prefix(2))/\(digest).deb"
        }
        return nil
    }()

    private static var cache: String {
        let environment = ProcessInfo.processInfo.environment
        if let cache = environment["BULKHEAD_CACHE"] { return cache }
        if let caches = environment["XDG_CACHE_HOME"] { return "\(caches)/bulkhead" }
        return "\(environment["HOME"] ?? "/root")/.cache/bulkhead"
    }
}
