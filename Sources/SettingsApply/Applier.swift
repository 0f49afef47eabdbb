public import HostAPI
public import Features
public import JSON
public import SettingsModel

/// Renders files from settings and has systemd restart what reads them.
///
/// Whoever owns it applies one change after the other.
public struct Applier: Sendable {
    /// The features of the image.
    public let features: FeatureSet
    private let renderer: any TemplateRenderer
    private let folder: TargetFolder
    private let restarts: RestartQueue
    private let ledger: RestartLedger
    private let notices: NoticeBoard

    /// An applier.
    ///
    /// - Parameters:
    ///   - features: what follows which settings.
    ///   - templates: the folder of the templates.
    ///   - root: the folder below which `/etc/X` is written as `etc/X`; `/run/bulkhead` on a host.
    ///   - services: who restarts services.
    ///   - os: what templates read as `os`.
    public init(
        features: FeatureSet,
        templates: String,
        root: String,
        services: any ServiceRestarter,
        os: JSONValue? = nil
    ) {
        self.init(
            features: features,
            renderer: TemplateFolder(path: templates, os: os),
            root: root,
            services: services
        )
    }

    /// An applier with all its parts.
    ///
    /// - Parameters:
    ///   - renderer: who renders templates.
    ///   - restartLimit: after what time a request is reported as timed out, whatever the restarter does.
    ///   - sysfs: where the running kernel tells its state.
    public init(
        features: FeatureSet,
        renderer: any TemplateRenderer,
        root: String,
        services: any ServiceRestarter,
        restartLimit: Duration = .seconds(120),
        sysfs: String = "/sys"
    ) {
        self.features = features
        self.renderer = renderer
        folder = TargetFolder(root: root)
        restarts = RestartQueue(services: services, limit: restartLimit)
        ledger = RestartLedger(folder: folder, known: Set(features.services.keys))
        notices = NoticeBoard(sysfs: sysfs)
    }

    /// Renders what follows the keys, writes what changed and restarts what reads it.
    ///
    /// Never throws: each file and service has its own result. A service that could not take up a change is asked again
    /// the next time, whichever keys that is for.
    ///
    /// - Parameters:
    ///   - keys: the changed keys; nil for everything.
    ///   - settings: all settings in force.
    /// - Returns: files in order of their paths, services in order of their names; `changed` is left to the caller, who
    ///   knows what became of the keys.
    public func apply(_ keys: Set<SettingKey>?, settings: SettingsDocument) async -> ApplyResult {
        let affected = affectedServices(keys)
        let owed = ledger.services
        var needed: Set<String> = []
        for name in affected.union(owed) { needed.formUnion(features.services[name]?.files ?? []) }
        let files = write(render(needed, settings.json))
        let services = await restart(affected: affected, owed: owed, files: files)
        return ApplyResult(
            files: files.values.sorted { $0.path < $1.path },
            services: services,
            notices: notices.notices(for: settings, changed: keys)
        )
    }

    /// The settings that can't take effect on the running host, each with the reason and what to do.
    public func notices(for settings: SettingsDocument) -> [String] {
        notices.notices(for: settings, changed: nil)
    }

    private func affectedServices(_ keys: Set<SettingKey>?) -> Set<String> {
        guard let keys else { return Set(features.services.keys) }
        return Set(features.affectedServices(of: keys).values.joined())
    }

    // MARK: Files

    private enum Rendered {
        case content([UInt8])
        case failed(String)
    }

    /// Renders files by name, all of them before the first one is written.
    private func render(_ names: Set<String>, _ settings: JSONValue) -> [String: Rendered] {
        var results: [String: Rendered] = [:]
        for name in names {
            guard let file = features.files[name] else { continue }
            do throws(RenderError) {
                results[name] = .content(
                    Array(try renderer.render(template: file.template, settings: settings).utf8)
                )
            } catch {
                results[name] = .failed(error.description)
            }
        }
        return results
    }

    private func write(_ rendered: [String: Rendered]) -> [String: ApplyResult.File] {
        var results: [String: ApplyResult.File] = [:]
        for (name, result) in rendered.sorted(by: { $0.key < $1.key }) {
            guard let file = features.files[name] else { continue }
            var report = ApplyResult.File(path: file.path, changed: false, error: nil)
            switch result {
            case .failed(let reason): report.error = reason
            case .content(let content):
                do throws(TargetError) {
                    report.changed = try write(content, name, file)
                } catch {
                    report.error = error.description
                }
            }
            results[name] = report
        }
        return results
    }

    /// Writes a file unless it is right already; returns whether its content changed.
    private func write(_ content: [UInt8], _ name: String, _ file: Feature.File) throws(TargetError) -> Bool {
        switch try folder.difference(file.path, content: content, mode: file.mode) {
        case .none: return false
        case .mode:
            try folder.setMode(file.path, file.mode)
            return false
        case .content:
            ledger.add(features.services.filter { $0.value.files.contains(name) }.keys)
            try folder.replace(file.path, content: content, mode: file.mode)
            return true
        }
    }

    // MARK: Services

    private func restart(
        affected: Set<String>,
        owed: Set<String>,
        files: [String: ApplyResult.File]
    ) async -> [ApplyResult.Service] {
        let changed = Set(files.filter { $0.value.changed }.keys)
        // A file may be read by services that do not follow the setting that changed it.
        let readers = features.services.filter { !changed.isDisjoint(with: $0.value.files) }.keys
        var reports: [ApplyResult.Service] = []
        var done: [Feature.Restart: RestartResult] = [:]
        for name in affected.union(owed).union(readers).sorted() {
            guard let service = features.services[name] else { continue }
            let failed = service.files.sorted().compactMap { files[$0] }.first { $0.error != nil }
            let isWanted =
                owed.contains(name) || !changed.isDisjoint(with: service.files)
                || (service.files.isEmpty && affected.contains(name))
            var isUpToDate = true
            for restart in service.restart {
                var result = RestartResult(outcome: .skipped, error: nil)
                if let failed {
                    result.error = "'\(failed.path)' could not be written: \(failed.error ?? "")"
                } else if isWanted {
                    // Two services may ask for the same; once is enough for both.
                    if let earlier = done[restart] {
                        result = earlier
                    } else {
                        result = await restarts.perform(restart)
                    }
                    done[restart] = result
                    if result.outcome == .failed || result.outcome == .timedOut { isUpToDate = false }
                }
                reports.append(
                    ApplyResult.Service(
                        name: name,
                        command: restart.description,
                        outcome: result.outcome,
                        error: result.error
                    )
                )
            }
            if failed == nil, isWanted {
                if isUpToDate { ledger.remove([name]) } else { ledger.add([name]) }
            }
        }
        return reports
    }
}
