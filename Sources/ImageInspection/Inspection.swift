import Bytes
import Foundation

/// Reads an image or a build folder and names everything that is wrong with it.
///
/// Nothing is written, mounted or run. A damaged part is reported and the rest is still read.
public enum Inspection {
    /// How much is read.
    public struct Options: Sendable {
        /// Whether checksums and hash trees are left unchecked, which is most of the reading.
        public var isQuick: Bool

        /// Everything is checked by default.
        public init(isQuick: Bool = false) { self.isQuick = isQuick }
    }

    /// Inspects a disk image, a build folder, a unified kernel image or a root file system.
    ///
    /// - Parameters:
    ///   - path: The file or folder.
    ///   - options: How much is read.
    ///   - progress: Is told what begins now, from any thread.
    /// - Throws: `InspectionError` if the path is none of these; damage is in the report.
    public static func run(
        path: String,
        options: Options = Options(),
        progress: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(InspectionError) -> InspectionReport {
        switch try InputFormat.detect(path) {
        case .folder:
            var inspector = Inspector(
                InspectionReport(path: path, kind: .folder, isQuick: options.isQuick),
                progress: progress
            )
            try inspector.inspectFolder(path)
            return inspector.report
        case .disk:
            var inspector = Inspector(
                InspectionReport(path: path, kind: .disk, isQuick: options.isQuick),
                progress: progress
            )
            try inspector.inspectDisk(path, name: fileName(path))
            return inspector.report
        case .kernelImage:
            var inspector = Inspector(
                InspectionReport(path: path, kind: .kernelImage, isQuick: options.isQuick),
                progress: progress
            )
            try inspector.inspectKernelImage(path)
            return inspector.report
        case .rootFileSystem:
            var inspector = Inspector(
                InspectionReport(path: path, kind: .rootFileSystem, isQuick: options.isQuick),
                progress: progress
            )
            try inspector.inspectRootFile(path)
            return inspector.report
        }
    }

    static func fileName(_ path: String) -> String { URL(filePath: path).lastPathComponent }
}

/// What kind of thing a path leads to.
enum InputFormat {
    case folder, disk, kernelImage, rootFileSystem

    /// Looks at the first bytes; formats that are known but not read are errors that say how to convert.
    static func detect(_ path: String) throws(InspectionError) -> InputFormat {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw .unreadable(path: path, reason: "there is no such file or folder")
        }
        if isFolder.boolValue { return .folder }
        let source: ByteSource
        let head: [UInt8]
        do {
            source = try ByteSource(file: path)
            head = try source.read(at: 0, count: Int(min(source.size, 8192)))
        } catch {
            throw .unreadable(path: path, reason: error.description)
        }
        for (magic, format, remedy) in otherFormats where head.starts(with: magic) {
            throw .otherFormat(
                path: path,
                format: format,
                remedy: remedy.replacingOccurrences(of: "PATH", with: path)
            )
        }
        // EROFS has its superblock at 1024.
        if head.littleEndian(UInt32.self, at: 1024) == 0xe0f5_e1e2 { return .rootFileSystem }
        let signature = Array("EFI PART".utf8)
        for sector in [512, 4096] where head.dropFirst(sector).starts(with: signature) { return .disk }
        if hasPESignature(head) { return .kernelImage }
        // The primary table may be what is damaged: the protective MBR or the backup tell, too.
        if head.count >= 512, head[450] == 0xee, head[510] == 0x55, head[511] == 0xaa { return .disk }
        for sector: UInt64 in [512, 4096] where source.size >= 2 * sector {
            let last = (source.size / sector - 1) * sector
            if let bytes = try? source.read(at: last, count: 8), bytes == signature { return .disk }
        }
        throw .unknownFormat(path: path, size: source.size)
    }

    private static let convert = "convert it first: qemu-img convert -O raw PATH disk.raw"

    private static let otherFormats: [(magic: [UInt8], format: String, remedy: String)] = [
        (Array("QFI".utf8) + [0xfb], "a QEMU image (qcow2)", convert),
        (Array("KDMV".utf8), "a VMware image (vmdk)", convert),
        (Array("COWD".utf8), "a VMware image (vmdk)", convert),
        (Array("# Disk DescriptorFile".utf8), "a VMware image (vmdk)", convert),
        (Array("vhdxfile".utf8), "a Hyper-V image (vhdx)", convert),
        (Array("conectix".utf8), "a Hyper-V image (vhd)", convert),
        ([0x1f, 0x8b], "compressed with gzip", "unpack it first: gzip -dk PATH"),
        ([0x28, 0xb5, 0x2f, 0xfd], "compressed with zstd", "unpack it first: zstd -dk PATH"),
        ([0xfd] + Array("7zXZ".utf8), "compressed with xz", "unpack it first: xz -dk PATH"),
    ]

    private static func hasPESignature(_ head: [UInt8]) -> Bool {
        guard head.starts(with: Array("MZ".utf8)), let start = head.littleEndian(UInt32.self, at: 60) else {
            return false
        }
        return head.bounded(at: Int(start), count: 4).map { $0.elementsEqual("PE\0\0".utf8) } ?? true
    }
}
