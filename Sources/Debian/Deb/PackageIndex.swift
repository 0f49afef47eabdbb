import FileTree
import Foundation
import Hashing

/// The index of an unpacked package, as it lies in the cache.
///
/// Layout: 8 bytes magic (the last is the version), the SHA-256 of everything after it, then the fields in the
/// order of `encoded`. Numbers are little-endian; texts and lists have a 4-byte count before them.
struct PackageIndex {
    /// Version of the layout and of the rules of unpacking; part of the cache's path.
    static let version: UInt8 = 1
    private static let magic: [UInt8] = Array("BHDEBIX".utf8) + [version]
    /// More than any package's index: Debian's largest has some 100,000 members.
    private static let maximumSize = 256 << 20

    let digest: SHA256Digest
    let package: DebPackage
    let members: [UnpackedPackage.Member]
    let contentSize: Int64

    init(digest: SHA256Digest, package: DebPackage, members: [UnpackedPackage.Member], contentSize: Int64) {
        self.digest = digest
        self.package = package
        self.members = members
        self.contentSize = contentSize
    }

    // MARK: Writing

    func encoded() -> [UInt8] {
        var encoder = Encoder()
        encoder.bytes += digest.bytes
        encoder.add(UInt64(bitPattern: contentSize))
        encoder.add(package.control.fields) { encoder, field in
            encoder.add(field.name)
            encoder.add(field.value)
        }
        for list in [package.conffiles, package.scripts, package.triggers] {
            encoder.add(list) { $0.add($1) }
        }
        encoder.add(members) { encoder, member in
            encoder.add(member.path)
            encoder.add(member.node)
        }
        return Self.magic + SHA256Digest(hashing: encoder.bytes).bytes + encoder.bytes
    }

    private struct Encoder {
        var bytes: [UInt8] = []

        mutating func add(_ value: some FixedWidthInteger) {
            withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
        }

        mutating func add(_ text: String) {
            add(UInt32(truncatingIfNeeded: text.utf8.count))
            bytes += text.utf8
        }

        mutating func add<Element>(_ list: [Element], _ body: (inout Encoder, Element) -> Void) {
            add(UInt32(truncatingIfNeeded: list.count))
            for element in list { body(&self, element) }
        }

        mutating func add(_ node: Node) {
            add(node.mode)
            add(node.uid)
            add(node.gid)
            add(node.xattrs.sorted { $0.key < $1.key }) { encoder, attribute in
                encoder.add(attribute.key)
                encoder.add(attribute.value) { $0.add($1) }
            }
            switch node.kind {
            case .directory: bytes.append(0)
            case .file(let content):
                bytes.append(1)
                if case .blob(_, let offset, let length, let digest) = content {
                    add(UInt64(bitPattern: offset))
                    add(UInt64(bitPattern: length))
                    bytes += digest.bytes
                }
            case .hardLink(let target):
                bytes.append(2)
                add(target)
            case .symlink(let target):
                bytes.append(3)
                add(target)
            case .characterDevice(let major, let minor):
                bytes.append(4)
                add(major)
                add(minor)
            case .blockDevice(let major, let minor):
                bytes.append(5)
                add(major)
                add(minor)
            case .fifo: bytes.append(6)
            }
        }
    }

    // MARK: Reading

    /// Reads an index file; contents become ranges of `blob`.
    init(reading path: String, blob: String) throws(DebError) {
        let size: Int
        let bytes: [UInt8]
        do {
            size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
            guard size <= Self.maximumSize else {
                throw DebError.cache(path: path, reason: "it is too large")
            }
            bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
        } catch let error as DebError {
            throw error
        } catch {
            throw .cache(path: path, reason: "it cannot be read")
        }
        try self.init(decoding: bytes, path: path, blob: blob)
    }

    /// Reads an index; `path` is what errors call it.
    init(decoding bytes: [UInt8], path: String, blob: String) throws(DebError) {
        let start = Self.magic.count + SHA256Digest.byteCount
        guard bytes.count >= start, bytes.starts(with: Self.magic) else {
            throw .cache(path: path, reason: "it does not start as an index of version \(Self.version) does")
        }
        let payload = Array(bytes[start...])
        guard SHA256Digest(hashing: payload).bytes == Array(bytes[Self.magic.count..<start]) else {
            throw .cache(path: path, reason: "its checksum is wrong")
        }
        var decoder = Decoder(bytes: payload, path: path)
        digest = try decoder.digest()
        let contentSize = Int64(bitPattern: try decoder.number(UInt64.self))
        self.contentSize = contentSize
        let fields = try decoder.list { (decoder) throws(DebError) in
            ControlParagraph.Field(name: try decoder.text(), value: try decoder.text())
        }
        let control = ControlParagraph(fields: fields)
        let conffiles = try decoder.list { (decoder) throws(DebError) in try decoder.text() }
        let scripts = try decoder.list { (decoder) throws(DebError) in try decoder.text() }
        let triggers = try decoder.list { (decoder) throws(DebError) in try decoder.text() }
        package = DebPackage(control: control, conffiles: conffiles, scripts: scripts, triggers: triggers)
        let origin = package.name
        members = try decoder.list { (decoder) throws(DebError) in
            let path = try decoder.text()
            let node = try decoder.node(origin: origin, blob: blob, contentSize: contentSize)
            return UnpackedPackage.Member(path: path, node: node)
        }
        guard decoder.isAtEnd else { throw .cache(path: path, reason: "it has bytes after its end") }
    }

    private struct Decoder {
        let bytes: [UInt8]
        let path: String
        var position = 0

        init(bytes: [UInt8], path: String) {
            self.bytes = bytes
            self.path = path
        }

        var isAtEnd: Bool { position == bytes.count }

        mutating func take(_ count: Int) throws(DebError) -> ArraySlice<UInt8> {
            guard count >= 0, count <= bytes.count - position else {
                throw .cache(path: path, reason: "it is cut off")
            }
            defer { position += count }
            return bytes[position..<position + count]
        }

        mutating func number<Number: FixedWidthInteger & UnsignedInteger>(
            _: Number.Type
        ) throws(DebError) -> Number {
            let slice = try take(Number.bitWidth / 8)
            return slice.reversed().reduce(0) { $0 << 8 | Number($1) }
        }

        mutating func digest() throws(DebError) -> SHA256Digest {
            guard let digest = SHA256Digest(bytes: try take(SHA256Digest.byteCount)) else {
                throw .cache(path: path, reason: "it is cut off")
            }
            return digest
        }

        mutating func text() throws(DebError) -> String {
            let count = Int(try number(UInt32.self))
            return String(decoding: try take(count), as: UTF8.self)
        }

        mutating func list<Element>(
            _ body: (inout Decoder) throws(DebError) -> Element
        ) throws(DebError) -> [Element] {
            let count = Int(try number(UInt32.self))
            // Every element takes a byte at least, so a wild count ends here and not in the allocator.
            guard count <= bytes.count - position else { throw .cache(path: path, reason: "it is cut off") }
            var result: [Element] = []
            result.reserveCapacity(count)
            for _ in 0..<count { result.append(try body(&self)) }
            return result
        }

        mutating func node(origin: String, blob: String, contentSize: Int64) throws(DebError) -> Node {
            let mode = try number(UInt16.self)
            let uid = try number(UInt32.self)
            let gid = try number(UInt32.self)
            let attributes = try list { (decoder) throws(DebError) in
                let key = try decoder.text()
                let count = Int(try decoder.number(UInt32.self))
                return (key, Array(try decoder.take(count)))
            }
            let kind: Node.Kind
            switch try number(UInt8.self) {
            case 0: kind = .directory
            case 1:
                let offset = Int64(bitPattern: try number(UInt64.self))
                let length = Int64(bitPattern: try number(UInt64.self))
                guard offset >= 0, length >= 0, offset <= contentSize, length <= contentSize - offset else {
                    throw .cache(path: path, reason: "a content lies outside of the blob")
                }
                kind = .file(.blob(path: blob, offset: offset, length: length, digest: try digest()))
            case 2: kind = .hardLink(to: try text())
            case 3: kind = .symlink(target: try text())
            case 4: kind = .characterDevice(major: try number(UInt32.self), minor: try number(UInt32.self))
            case 5: kind = .blockDevice(major: try number(UInt32.self), minor: try number(UInt32.self))
            case 6: kind = .fifo
            case let type: throw .cache(path: path, reason: "it has a member of the unknown type \(type)")
            }
            return Node(
                kind: kind,
                mode: mode,
                uid: uid,
                gid: gid,
                xattrs: Dictionary(attributes) { $1 },
                origin: origin
            )
        }
    }
}
