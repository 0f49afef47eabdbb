import Foundation
import Hashing
import Processes
import Synchronization

extension PackageCache {
    /// How many files one run of the downloader fetches at most, and how many bytes it begins with at most:
    /// small files share a run and its connections, large ones have a run of their own.
    private static let batchFiles = 12
    private static let batchBytes = 12 << 20

    /// Makes sure that the cache has all files of some packages, and fetches those it lacks.
    ///
    /// Every file that comes from a mirror is hashed before it is stored. All files that can be had are stored
    /// even when others fail, so that the next try is shorter.
    ///
    /// - Parameters:
    ///   - archives: Where to fetch from.
    ///   - offline: Whether fetching is forbidden.
    ///   - verification: How far files that are already there are trusted.
    ///   - progress: Called a few times a second from any thread.
    /// - Throws: `PackageCacheError`. When files vanished and others are damaged, the damaged are reported.
    @discardableResult
    public func fetch(
        _ packages: [LockedPackage],
        from archives: AptArchives,
        offline: Bool = false,
        verification: Verification = .size,
        progress: @escaping @Sendable (FetchProgress) -> Void = { _ in }
    ) async throws(PackageCacheError) -> FetchSummary {
        let (missing, cachedCount) = try missing(of: packages, verification: verification)
        var summary = FetchSummary(cachedFiles: cachedCount, fetchedFiles: 0, fetchedBytes: 0)
        guard !missing.isEmpty else { return summary }
        guard !offline else { throw .offline(missing: missing) }
        if Task.isCancelled { throw .cancelled }

        let workspace = try makeWorkspace()
        defer { try? FileManager.default.removeItem(atPath: workspace) }
        let resolved = try await MirrorList.resolve(archives, workspace: workspace, limits: limits)
        let job = FetchJob(
            cache: self,
            archives: resolved,
            workspace: workspace,
            packages: missing,
            progress: progress
        )
        try await job.run(batches: Self.batches(missing))
        summary.fetchedFiles = missing.count
        summary.fetchedBytes = missing.reduce(0) { $0 + $1.size }
        return summary
    }

    /// The packages whose files are to be fetched, each file once, and the number of the others.
    private func missing(
        of packages: [LockedPackage],
        verification: Verification
    ) throws(PackageCacheError) -> (missing: [LockedPackage], cachedCount: Int) {
        var seen: Set<SHA256Digest> = []
        var missing: [LockedPackage] = []
        for package in packages where seen.insert(package.sha256).inserted {
            if Task.isCancelled { throw .cancelled }
            if try !contains(package, verification: verification) { missing.append(package) }
        }
        return (missing, seen.count - missing.count)
    }

    /// Divides files among runs of the downloader, the largest first so that none is left for the end.
    static func batches(_ packages: [LockedPackage]) -> [[LockedPackage]] {
        var batches: [[LockedPackage]] = []
        var current: [LockedPackage] = []
        var bytes = 0
        for package in packages.sorted(by: { ($0.size, $1.name) > ($1.size, $0.name) }) {
            if !current.isEmpty, current.count >= batchFiles || bytes + package.size > batchBytes {
                batches.append(current)
                (current, bytes) = ([], 0)
            }
            current.append(package)
            bytes += package.size
        }
        return current.isEmpty ? batches : batches + [current]
    }

    /// Makes a directory of this fetch's own, and clears away what killed fetches left a day ago or longer.
    private func makeWorkspace() throws(PackageCacheError) -> String {
        let parent = "\(root)/partial"
        let manager = FileManager.default
        let workspace = "\(parent)/\(UUID().uuidString)"
        do {
            try manager.createDirectory(atPath: workspace, withIntermediateDirectories: true)
        } catch {
            throw .file(
                path: workspace,
                reason: "\(error.localizedDescription); check its owner and the free space"
            )
        }
        for name in (try? manager.contentsOfDirectory(atPath: parent)) ?? [] {
            let path = "\(parent)/\(name)"
            let changed = (try? manager.attributesOfItem(atPath: path))?[.modificationDate] as? Date
            if let changed, changed.timeIntervalSinceNow < -86_400 { try? manager.removeItem(atPath: path) }
        }
        return workspace
    }

    /// Checks a file that has arrived and stores it.
    ///
    /// - Returns: nil when it is in the cache now, else what is wrong with it; then it is gone.
    func store(_ package: LockedPackage, arrivedAt temporary: String) throws(PackageCacheError) -> String? {
        guard let size = Self.regularFileSize(temporary) else { return "nothing arrived" }
        guard size == package.size else {
            unlink(temporary)
            return "it has \(size) bytes instead of \(package.size)"
        }
        do {
            let digest = try SHA256Digest(hashingFile: temporary)
            guard digest == package.sha256 else {
                unlink(temporary)
                return "its SHA-256 is \(digest.hex) instead of \(package.sha256.hex)"
            }
            let path = path(of: package)
            try FileManager.default.createDirectory(
                at: URL(filePath: path).deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try DurableFile.publish(temporary, as: path)
            return nil
        } catch let error as DurableFile.Failure where error.code == ENOSPC || error.code == EDQUOT {
            throw .diskFull(path: root)
        } catch let error as CocoaError where error.code == .fileWriteOutOfSpace {
            throw .diskFull(path: root)
        } catch {
            throw .file(path: temporary, reason: "\(error)")
        }
    }
}

/// One call of fetch: several runs of the downloader at once, and what became of each file.
private struct FetchJob: Sendable {
    let cache: PackageCache
    let archives: AptArchives
    let workspace: String
    let packages: [LockedPackage]
    let progress: @Sendable (FetchProgress) -> Void
    let counters = Counters()

    final class Counters: Sendable {
        let completed = Mutex<(files: Int, bytes: Int)>((0, 0))
    }

    /// What became of the files of a batch.
    struct Outcome: Sendable {
        var vanished: [LockedPackage] = []
        var damaged: [PackageCacheError.DamagedPackage] = []
    }

    func run(batches: [[LockedPackage]]) async throws(PackageCacheError) {
        let reporter = Task { await reportUntilCancelled() }
        defer { reporter.cancel() }
        let result = await withTaskGroup(of: Result<Outcome, PackageCacheError>.self) { group in
            var waiting = batches[...]
            var total = Outcome()
            var failure: PackageCacheError?
            func startNext() {
                guard failure == nil, let batch = waiting.popFirst() else { return }
                group.addTask {
                    do throws(PackageCacheError) {
                        return .success(try await fetch(batch))
                    } catch {
                        return .failure(error)
                    }
                }
            }
            for _ in 0..<cache.limits.parallel { startNext() }
            for await result in group {
                switch result {
                case .success(let outcome):
                    total.vanished += outcome.vanished
                    total.damaged += outcome.damaged
                    startNext()
                case .failure(let error):
                    // What fails here fails for every file; the runs under way are ended.
                    if failure == nil { failure = error }
                    group.cancelAll()
                }
            }
            return failure.map { Result<Outcome, PackageCacheError>.failure($0) } ?? .success(total)
        }
        if Task.isCancelled { throw .cancelled }
        let outcome = try result.get()
        report()
        if !outcome.damaged.isEmpty {
            throw .damaged(outcome.damaged.sorted { $0.package.name < $1.package.name })
        }
        if !outcome.vanished.isEmpty { throw .vanished(outcome.vanished.sorted { $0.name < $1.name }) }
    }

    /// Fetches a batch in one run; files that did not arrive well are tried again one by one, which also tells
    /// what is wrong with each.
    private func fetch(_ batch: [LockedPackage]) async throws(PackageCacheError) -> Outcome {
        let message = try await download(batch)
        var outcome = Outcome()
        for package in batch {
            let temporary = temporary(package)
            if message == nil || PackageCache.regularFileSize(temporary) != nil {
                guard let problem = try cache.store(package, arrivedAt: temporary) else {
                    complete(package)
                    continue
                }
                if message == nil {
                    outcome.damaged.append(.init(package: package, problem: problem))
                    continue
                }
            }
            var reason = message
            if batch.count > 1 { reason = try await download([package]) }
            try judge(package, reason, &outcome)
        }
        return outcome
    }

    private func judge(
        _ package: LockedPackage,
        _ message: String?,
        _ outcome: inout Outcome
    ) throws(PackageCacheError) {
        let address = AptArchives.withoutPassword(archives.address(of: package))
        let temporary = temporary(package)
        defer { unlink("\(temporary).FAILED") }
        guard let message else {
            if let problem = try cache.store(package, arrivedAt: temporary) {
                outcome.damaged.append(.init(package: package, problem: problem))
            } else {
                complete(package)
            }
            return
        }
        unlink(temporary)
        switch FetchProgram.verdict(message) {
        case .vanished:
            outcome.vanished.append(package)
        case .damaged(let reason):
            // apt has seen it first and put the file aside; our own words are more exact.
            let problem = (try? cache.store(package, arrivedAt: "\(temporary).FAILED")) ?? reason
            outcome.damaged.append(.init(package: package, problem: problem))
        case .diskFull:
            throw .diskFull(path: cache.root)
        case .unreachable(let reason):
            throw .unreachable(address: address, message: reason)
        case .refused(let reason):
            throw .refused(address: address, message: reason)
        }
    }

    private func download(_ batch: [LockedPackage]) async throws(PackageCacheError) -> String? {
        let requests = batch.map { package in
            FetchProgram.Request(
                address: archives.address(of: package),
                destination: temporary(package),
                hashes: ["SHA256:\(package.sha256.hex)", "Checksum-FileSize:\(package.size)"]
            )
        }
        do {
            return try await FetchProgram(limits: cache.limits).fetch(requests)
        } catch .cancelled {
            throw .cancelled
        } catch .timedOut(_, let limit, _) {
            throw .unreachable(
                address: AptArchives.withoutPassword(requests.first?.address ?? ""),
                message: "the files did not arrive within \(limit)"
            )
        } catch {
            throw .process(error)
        }
    }

    private func temporary(_ package: LockedPackage) -> String { "\(workspace)/\(package.sha256.hex)" }

    private func complete(_ package: LockedPackage) {
        counters.completed.withLock {
            $0.files += 1
            $0.bytes += package.size
        }
        report()
    }

    private func reportUntilCancelled() async {
        while !Task.isCancelled {
            report()
            try? await Task.sleep(for: .milliseconds(250))
        }
    }

    private func report() {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: workspace)) ?? []
        let arriving = names.reduce(0) { $0 + (PackageCache.regularFileSize("\(workspace)/\($1)") ?? 0) }
        let total = packages.reduce(0) { $0 + $1.size }
        let completed = counters.completed.withLock { $0 }
        progress(
            FetchProgress(
                completedFiles: completed.files,
                totalFiles: packages.count,
                completedBytes: min(completed.bytes + arriving, total),
                totalBytes: total
            )
        )
    }
}
