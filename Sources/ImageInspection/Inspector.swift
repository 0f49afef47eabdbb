import Bytes
import Hashing
import ReleaseManifest
import SBOM

/// One inspection: collects facts and findings, and goes on after each of them with what is left.
struct Inspector {
    var report: InspectionReport
    let progress: @Sendable (String) -> Void
    /// The `release.json` beside the image, if there is a valid one: it knows the parameters of the hash tree.
    var release: Release?
    /// The disk's root hash candidates: unified kernel images that were read, in the order of the menu.
    var kernelImages: [KernelImageFacts] = []
    /// Where the EFI system partition is.
    var bootPart: ImagePart?
    /// The roots of the report, and where their bytes are.
    var rootParts: [(facts: RootFacts, data: ImagePart, tree: ImagePart?)] = []
    /// The folder's `packages.json`.
    var inventory: PackageInventory?

    init(_ report: InspectionReport, progress: @escaping @Sendable (String) -> Void) {
        self.report = report
        self.progress = progress
    }

    mutating func find(_ severity: Finding.Severity, _ area: String, _ place: String, _ message: String) {
        report.findings.append(Finding(severity, area: area, place: place, message))
    }
}

extension SHA256Digest {
    /// The digest of all bytes of a source.
    init(hashing source: ByteSource) throws(ByteSourceError) {
        var hasher = SHA256Hasher()
        var offset: UInt64 = 0
        while offset < source.size {
            let count = Int(min(1 << 20, source.size - offset))
            hasher.update(try source.read(at: offset, count: count))
            offset += UInt64(count)
        }
        self = hasher.finish()
    }
}
