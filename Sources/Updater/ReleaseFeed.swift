import BootEntries
import Hashing
import HTTPFetch
import JSON
import ReleaseManifest
import Rollout
import Synchronization
import TUF

/// The releases of a repository, as far as its signatures are trusted.
///
/// One value is one operation: it looks once, at one time.
///
/// The mirrors are asked only where the repository itself does not answer or sends nothing that can be trusted: one that
/// is behind hides no news. All metadata come from one place, the first where all are right; a mirror can keep news back
/// only until what it serves expires.
struct ReleaseFeed {
    /// A release that is offered, and the target that is its manifest.
    struct Offer: Sendable {
        let candidate: Candidate
        let manifest: TargetFile
    }

    private let places: [Place]
    /// Where metadata come from, among the places.
    private let current: CurrentPlace
    private let fetcher: HTTPFetcher
    private var client: MetadataClient

    /// Prepares to look at a repository.
    ///
    /// - Parameters:
    ///   - configuration: where it is.
    ///   - trustedRoot: the root metadata that the OS came with; it begins the chain where the store has none yet.
    ///   - folder: where trusted metadata are kept over reboots.
    ///   - now: the time, against which all expiry is judged.
    /// - Throws: `UpdaterError.metadata` or `.configuration`.
    init(
        configuration: UpdaterConfiguration,
        trustedRoot: [UInt8],
        folder: String,
        now: MetadataTime
    ) throws(UpdaterError) {
        let places =
            [Place(metadata: configuration.metadataURL, targets: configuration.targetsURL)]
            + configuration.mirrors.map { mirror in
                Place(metadata: Self.join(mirror, "metadata"), targets: Self.join(mirror, "targets"))
            }
        let current = CurrentPlace()
        (self.places, self.current) = (places, current)
        var settings = HTTPFetcher.Configuration()
        settings.bandwidth = configuration.bandwidth
        settings.proxy = configuration.proxy
        settings.noProxy = configuration.noProxy
        settings.authorities = configuration.authorities
        let fetcher: HTTPFetcher
        do throws(FetchError) { fetcher = try HTTPFetcher(settings) } catch {
            throw .configuration(error.description)
        }
        self.fetcher = fetcher
        let store = FileStore(folder: folder)
        do throws(TUFError) {
            try Self.begin(store, trustedRoot)
        } catch {
            throw .metadata("\(error)")
        }
        client = MetadataClient(store: store, now: now) { name, limit in
            do throws(FetchError) {
                return try await fetcher.get(Self.join(places[current.index].metadata, name), limit: limit)
            } catch {
                // Of the next root, which mostly is not there, object stores may say that it is forbidden.
                guard error.isNotFound || error.isForbidden && name.hasSuffix(".root.json") else {
                    throw error
                }
                return nil
            }
        }
    }

    /// A root that the OS brings and the store does not know begins the chain anew: a new OS may bring newer keys.
    private static func begin(_ store: FileStore, _ trustedRoot: [UInt8]) throws(TUFError) {
        let name = MetadataFileName.of(Root.type)
        let limit = ClientLimits().rootBytes
        let brought = try Metadata<Root>(parsing: trustedRoot)
        if let known = try store.load(name, limit: limit),
            let metadata = try? Metadata<Root>(parsing: known),
            metadata.signed.version >= brought.signed.version
        {
            return
        }
        try MetadataClient.initialize(store, trustedRoot: trustedRoot)
    }

    /// Every release that the repository offers.
    ///
    /// Targets that are no releases are passed over; a release whose description can't be read is an error, as a newer
    /// one might be hidden by it.
    /// - Throws: `UpdaterError.metadata`.
    mutating func offers() async throws(UpdaterError) -> [Offer] {
        try await refresh()
        var offers: [Offer] = []
        for (path, target) in client.targets?.targets ?? [:] where path.hasSuffix("/release.json") {
            let candidate: Candidate
            do throws(RolloutError) { candidate = try Candidate(custom: target.custom ?? .null) } catch {
                throw .metadata("the target '\(path)': \(error)")
            }
            guard candidate.targetName == path else {
                throw .metadata("the target '\(path)' says that it is '\(candidate.targetName)'")
            }
            offers.append(Offer(candidate: candidate, manifest: target))
        }
        return offers
    }

    /// Brings the metadata up to date from the first place where they are right.
    private mutating func refresh() async throws(UpdaterError) {
        var errors: [(place: String, text: String)] = []
        for (index, place) in places.enumerated() {
            current.index = index
            do throws(TUFError) { return try await client.refresh() } catch {
                let text = "\(error)"
                // What is about this host is said once.
                if !errors.contains(where: { $0.text == text }) { errors.append((place.metadata, text)) }
                if Task.isCancelled || error == .storeInUse { break }
            }
        }
        throw .metadata(
            errors.count == 1
                ? errors[0].text : errors.map { "\($0.place): \($0.text)" }.joined(separator: "; ")
        )
    }

    /// The URLs of a file: first where the metadata come from, so that who does not answer is not asked again and again.
    private func urls(_ location: String) -> [String] {
        let first = current.index
        return (places[first...] + places[..<first]).map { Self.join($0.targets, location) }
    }

    /// The manifest of an offered release, checked against the signed metadata and for being what it is offered as.
    ///
    /// - Throws: `UpdaterError.metadata`, `.fetch` or `.release`.
    mutating func release(_ offer: Offer) async throws(UpdaterError) -> Release {
        let bytes = try await content(offer.candidate.targetName, limit: Release.sizeLimit)
        let release: Release
        do throws(ReleaseManifestError) { release = try Release(decoding: bytes) } catch {
            throw .release("'\(offer.candidate.targetName)': \(error)")
        }
        guard release.variant == offer.candidate.variant,
            release.architecture == offer.candidate.architecture,
            release.version == offer.candidate.version.text, release.root.hash == offer.candidate.rootHash
        else {
            throw .release(
                """
                '\(offer.candidate.targetName)' describes \(release.variant) \(release.version) for \
                \(release.architecture) with the root hash \(release.root.hash): its signed description says otherwise
                """
            )
        }
        return release
    }

    /// A small target, whole.
    private mutating func content(_ path: String, limit: Int) async throws(UpdaterError) -> [UInt8] {
        let found = try await find(path)
        guard found.file.length <= limit else {
            throw .release("'\(path)' has \(found.file.length) bytes, more than \(limit)")
        }
        var errors: [String] = []
        for url in urls(found.location) {
            do {
                let bytes = try await fetcher.get(url, limit: limit)
                try found.file.check(bytes, name: path)
                return bytes
            } catch let error as FetchError {
                errors.append(error.description)
            } catch {
                errors.append("\(url): \(error)")
            }
            if Task.isCancelled { break }
        }
        throw .fetch(errors.joined(separator: "; "))
    }

    private mutating func find(_ path: String) async throws(UpdaterError) -> FoundTarget {
        do throws(TUFError) { return try await client.target(path) } catch { throw .metadata("\(error)") }
    }

    /// A file of a release: where it is, with the length and digests that are signed.
    ///
    /// - Throws: `UpdaterError.release` unless the signed metadata and the manifest say the same of it.
    mutating func file(_ file: Release.File, of candidate: Candidate) async throws(UpdaterError) -> RemoteFile
    {
        let path = candidate.targetName.dropLast("release.json".utf8.count) + file.file
        let found = try await find(String(path))
        guard UInt64(exactly: found.file.length) == file.size, found.file.hashes["sha256"] == file.sha256.hex
        else {
            throw .release("'\(path)' has another size or digest in the signed metadata than in release.json")
        }
        do throws(FetchError) {
            return try fetcher.file(urls: urls(found.location), size: file.size)
        } catch {
            throw .configuration("\(error)")
        }
    }

    private static func join(_ base: String, _ name: String) -> String {
        base.hasSuffix("/") ? base + name : "\(base)/\(name)"
    }
}

/// The folders of a repository, or of a copy of it.
private struct Place {
    let metadata: String
    let targets: String
}

/// The place that metadata are fetched from, which changes while the client has the way to fetch them.
private final class CurrentPlace: Sendable {
    private let state = Mutex(0)

    var index: Int {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}
