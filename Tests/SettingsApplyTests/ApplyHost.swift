import HostAPI
import Features
import Foundation
import Glibc
import JSON
import SettingsApply
import SettingsModel
import Synchronization
import TestSupport
import Testing

/// A host in a temporary folder: features, templates, rendered files, and a restarter that notes what it is asked.
final class ApplyHost {
    static let features = [
        "name": """
        description = "The host's name."
        [services.hostname]
        settings = ["network.hostname"]
        files = ["hostname"]
        restart = ["try-restart systemd-hostnamed.service"]
        [files.hostname]
        path = "/etc/hostname"
        template = "hostname"
        """,
        "motd": """
        description = "What people read who log in."
        [services.login]
        settings = ["motd"]
        files = ["motd", "issue"]
        restart = ["reload login.service", "try-restart getty@tty1.service"]
        [services.signal]
        settings = ["motd"]
        restart = ["restart signal.service"]
        [files.motd]
        path = "/etc/motd"
        template = "motd"
        mode = "0600"
        [files.issue]
        path = "/etc/issue.d/bulkhead/name"
        template = "issue"
        mode = "0640"
        """,
    ]

    static let templates = [
        "hostname": "{{settings.network.hostname}}\n",
        "motd": "{{#if settings.motd}}{{settings.motd}}\n{{/if}}",
        "issue": "{{default \"localhost\" settings.network.hostname}}\n",
    ]

    let folder: TemporaryDirectory
    let services = FakeServices()
    let features: FeatureSet
    private(set) var applier: Applier
    private let restartLimit: Duration

    init(features: [String: String] = features, restartLimit: Duration = .seconds(60)) throws {
        folder = try TemporaryDirectory()
        self.features = try FeatureSet(features.map { try Feature(parsing: $0.value, name: $0.key) })
        self.restartLimit = restartLimit
        try FileManager.default.createDirectory(
            atPath: folder.file("templates"),
            withIntermediateDirectories: false
        )
        applier = Self.applier(self.features, folder, services, restartLimit)
        for (name, text) in Self.templates { try write("templates/\(name)", text) }
    }

    /// What a server is after it was killed and started again.
    func restartServer() {
        applier = Self.applier(features, folder, services, restartLimit)
    }

    func apply(_ keys: [String]?, _ settings: JSONValue) async throws -> ApplyResult {
        let document = try SettingsDocument(checking: settings)
        let keys = try keys.map { Set(try $0.map { try SettingKey(parsing: $0) }) }
        return await applier.apply(keys, settings: document)
    }

    func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: folder.url.appending(path: name))
    }

    /// The text of a rendered file.
    func text(_ path: String) -> String? {
        try? String(contentsOfFile: folder.file("root\(path)"), encoding: .utf8)
    }

    func status(_ path: String) throws -> stat {
        var status = stat()
        try #require(lstat(folder.file("root\(path)"), &status) == 0)
        return status
    }

    func mode(_ path: String) throws -> UInt32 { try status(path).st_mode & 0o7777 }

    /// All names below the folder of rendered files.
    var names: [String] {
        ((try? FileManager.default.subpathsOfDirectory(atPath: folder.file("root"))) ?? []).sorted()
    }

    private static func applier(
        _ features: FeatureSet,
        _ folder: TemporaryDirectory,
        _ services: FakeServices,
        _ limit: Duration
    ) -> Applier {
        Applier(
            features: features,
            renderer: TemplateFolder(path: folder.file("templates")),
            root: folder.file("root"),
            services: services,
            restartLimit: limit,
            sysfs: folder.file("sys")
        )
    }
}

/// Notes what is asked; units can be told to fail or to hang.
final class FakeServices: ServiceRestarter {
    enum Behaviour { case fail, hang }

    private let state = Mutex<(calls: [String], behaviour: [String: Behaviour])>(([], [:]))

    /// What was asked since the last look.
    func takeCalls() -> [String] {
        state.withLock { state in
            defer { state.calls = [] }
            return state.calls
        }
    }

    func set(_ unit: String, _ behaviour: Behaviour?) {
        state.withLock { $0.behaviour[unit] = behaviour }
    }

    func perform(_ restart: Feature.Restart) async -> (ApplyResult.Outcome, String?) {
        let behaviour = state.withLock { state in
            state.calls.append("\(restart.action.rawValue) \(restart.unit)")
            return state.behaviour[restart.unit]
        }
        switch behaviour {
        case nil: return (.done, nil)
        case .fail: return (.failed, "broken")
        case .hang:
            try? await Task.sleep(for: .seconds(3600))
            return (.done, nil)
        }
    }
}
