import ContainerImages
import Containers
import Glibc
import Hashing
import HostAPI
import NIOCore
import OCI
import SmallFiles

/// Gets the image of one container into the runtime: from this version of the OS, or from a registry.
///
/// An image of a registry that the runtime has is taken as it is, without asking anybody: a host starts its containers
/// without network, and a tag that moved changes nothing until the settings do.
struct ImagePreparation: Sendable {
    /// How much must stay free on the disk behind an import.
    private static let reserve: UInt64 = 256 << 20

    let definition: HostContainerDefinition
    let paths: HostContainerPaths
    let runtime: ContainerRuntime
    let eventLoop: any EventLoop
    let reporter: StatusReporter
    /// How long a bootstrap container waits for servers to be in reach.
    let networkPatience: Duration
    let log: @Sendable (String) -> Void

    /// What the runtime calls the image of a reference.
    static func name(of source: String) throws(HostContainersError) -> String {
        try reference(source).description
    }

    private static func reference(_ source: String) throws(HostContainersError) -> ImageReference {
        do throws(OCIError) { return try ImageReference(parsing: source) } catch {
            throw .image(source: source, reason: error.description)
        }
    }

    /// The image, once the runtime has it.
    ///
    /// Several containers may want the same one at the same time: one gets it, the others wait.
    /// - Throws: `HostContainersError`.
    func image() async throws -> ImageRecord {
        let name = try Self.name(of: definition.source)
        let lockPath = "\(paths.runtime)/.lock-\(SHA256Digest(hashing: name).hex.prefix(16))"
        let limit = ContainerSupervisor.preparationLimit
        guard let lock = try await FileLock.take(lockPath, within: limit) else {
            throw HostContainersError.imageInUse(source: definition.source, limit: limit)
        }
        let image = try await limited(to: limit) { try await held(name) }
        _ = consume lock
        guard let image else {
            throw HostContainersError.image(
                source: definition.source,
                reason: "it did not come within \(limit.components.seconds / 60) minutes"
            )
        }
        return image
    }

    private func held(_ name: String) async throws -> ImageRecord {
        try await runtime.ensureNamespace()
        let present = try await runtime.image(name)
        let reference = try Self.reference(definition.source)
        if let embedded = try EmbeddedImages(paths)[definition.source] {
            // Another version of the OS has brought another image under the same name.
            if let present, try await hasManifest(present, embedded.digest) { return present }
            reporter.enter(.importing)
            let source = try fromImages { () throws(ContainerImagesError) in
                try LayoutSource(folder: embedded.folder, reference: reference)
            }
            guard source.manifest.digest == embedded.digest else {
                throw HostContainersError.image(
                    source: definition.source,
                    reason:
                        "'\(embedded.folder)' has the manifest \(source.manifest.digest), and the list beside it "
                        + "says \(embedded.digest): this image of the OS is damaged"
                )
            }
            return try await store(source, as: name)
        }
        if let present { return present }
        reporter.enter(.pulling)
        log("pulling '\(name)'")
        return try await store(try await find(reference), as: name)
    }

    /// Finds an image at a registry.
    ///
    /// A bootstrap container that is the first to need the network may come before it, and nobody starts it again: it
    /// waits here, and not in front of all bootstrap containers, most of which need none. Waited in vain is once a boot:
    /// a host without network has to boot.
    private func find(_ reference: ImageReference) async throws -> RegistrySource {
        let waited = "\(paths.runtime)/.no-network"
        let mayWait = definition.kind == .bootstrap && access(waited, F_OK) != 0
        // From the first failure on: an attempt may take long by itself.
        var end: ContinuousClock.Instant?
        var pause = Duration.seconds(1)
        while true {
            do throws(ContainerImagesError) {
                // Read each time: what is wrong with it may be set right meanwhile.
                let configuration = try RegistryConfiguration(file: paths.pulling)
                return try await RegistryClient(configuration: configuration).resolve(reference)
            } catch {
                let limit = end ?? ContinuousClock.now + (mayWait ? networkPatience : .zero)
                end = limit
                let isOver = ContinuousClock.now + pause >= limit
                if mayWait, isOver, error.isOutOfReach {
                    try? replaceSmallFile(waited, with: [], mode: 0o600, durably: false)
                }
                guard !isOver, error.isOutOfReach else {
                    throw HostContainersError.image(source: definition.source, reason: error.description)
                }
                log("waiting for the network: \(error)")
            }
            try await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(10))
        }
    }

    /// Whether an image is the one that a manifest describes; one that is damaged is not.
    private func hasManifest(_ image: ImageRecord, _ digest: ContentDigest) async throws -> Bool {
        do throws(ContainerError) {
            return try await runtime.manifest(of: image).digest == digest
        } catch {
            switch error {
            case .unavailable: throw error
            default:
                log("'\(image.name)' is imported again: \(error)")
                return false
            }
        }
    }

    private func store(_ source: some ImageSource, as name: String) async throws -> ImageRecord {
        let total = UInt64(max(source.size, 0))
        try checkRoom(for: total)
        let archive = source.archive { [reporter] done in
            reporter.progress(done: UInt64(max(done, 0)), total: total)
        }
        do throws(ContainerError) {
            return try await runtime.importImage(archive, as: name, manifest: source.manifest.digest)
        } catch {
            // What containerd says of an archive that ends early is not what is wrong.
            if let failure = archive.failure {
                throw HostContainersError.image(source: definition.source, reason: failure.description)
            }
            throw HostContainersError.image(source: definition.source, reason: error.description)
        }
    }

    /// Makes sure that the disk is not filled: the image's parts and what is unpacked of them come on top of each other.
    private func checkRoom(for size: UInt64) throws(HostContainersError) {
        var information = statvfs()
        guard statvfs(paths.store, &information) == 0 else { return }
        let free = UInt64(information.f_bavail) * UInt64(information.f_frsize)
        let (double, overflow) = size.multipliedReportingOverflow(by: 2)
        guard !overflow, double <= free, free - double >= Self.reserve else {
            throw .image(
                source: definition.source,
                reason:
                    "it has \(size >> 20) MiB, and the disk only \(free >> 20) MiB of room: remove images or data, "
                    + "so that twice its size and \(Self.reserve >> 20) MiB are free"
            )
        }
    }

    private func fromImages<Result>(_ body: () throws(ContainerImagesError) -> Result)
        throws(HostContainersError)
        -> Result
    {
        do throws(ContainerImagesError) { return try body() } catch {
            throw .image(source: definition.source, reason: error.description)
        }
    }
}
