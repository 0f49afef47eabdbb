internal import Dispatch
internal import Glibc
internal import SettingsModel
internal import Synchronization
internal import UserData

/// Finds a name for a host that nobody named.
///
/// Every wait is bounded, and there is always a name.
struct HostNameGuess {
    private static let metadataPath = "/latest/meta-data/local-hostname"

    let root: String
    let metadata: String
    /// How long the network may take to come up.
    var addressPatience = Duration.seconds(5)
    /// How long an answer of DNS may take.
    var lookupPatience = Duration.seconds(2)

    init(root: String, metadata: String) {
        self.root = root
        self.metadata = metadata
    }

    /// The name that EC2 gives the instance, else the one that DNS has for the host's primary address, else one made of
    /// the address, else `localhost`; of a name that the kernel does not take, its first label.
    func name() async -> String {
        if let name = await instanceName() { return name }
        guard let address = await primaryAddress() else { return "localhost" }
        if let name = await Self.reverseName(of: address, within: lookupPatience) { return name }
        return address.hostName
    }

    private func instanceName() async -> String? {
        guard InstanceMetadata.isAvailable(root: root) else { return nil }
        let service = InstanceMetadata(base: metadata, patience: .init(total: addressPatience))
        guard let bytes = try? await service.get(Self.metadataPath, limit: 1024) else { return nil }
        // An instance with several names has them all here.
        let names = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        return names.first.flatMap { HostName(String($0)) }?.kernelName
    }

    private func primaryAddress() async -> HostAddress? {
        let end = ContinuousClock.now + addressPatience
        while true {
            if let address = HostAddress.primary() { return address }
            guard ContinuousClock.now < end, (try? await Task.sleep(for: .milliseconds(100))) != nil else {
                return nil
            }
        }
    }

    /// The name that DNS has for an address.
    ///
    /// getnameinfo(3) can't be stopped: after the time it is left alone.
    private static func reverseName(of address: HostAddress, within patience: Duration) async -> String? {
        let answer = Answer()
        DispatchQueue.global().async { answer.give(address.lookUpName()) }
        let end = ContinuousClock.now + patience
        while ContinuousClock.now < end {
            if let result = answer.result { return result.flatMap { HostName($0) }?.kernelName }
            try? await Task.sleep(for: .milliseconds(20))
        }
        return nil
    }

    /// An answer that comes from another thread.
    private final class Answer: Sendable {
        private let value = Mutex<String??>(nil)

        var result: String?? { value.withLock { $0 } }

        func give(_ text: String?) { value.withLock { $0 = .some(text) } }
    }
}

/// An address of this host.
enum HostAddress: Sendable, Equatable {
    /// The four bytes of an IPv4 address.
    case v4([UInt8])
    /// The sixteen bytes of an IPv6 address.
    case v6([UInt8])

    /// The address that packets to other networks carry; nil while there is no route to them.
    static func primary() -> HostAddress? {
        // Connecting a datagram socket sends nothing; it only chooses a route and an address. The destinations are
        // reserved for documentation (RFC 5737, RFC 3849).
        local(to: .v4([192, 0, 2, 1]))
            ?? local(to: .v6([0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 1, count: 12)))
    }

    /// A name made of the address, such as `ip-10-0-2-15`.
    var hostName: String {
        switch self {
        case .v4(let bytes): "ip-" + bytes.map { String($0) }.joined(separator: "-")
        case .v6(let bytes):
            "ip-"
                + stride(from: 0, to: bytes.count - 1, by: 2)
                .map { String(Int(bytes[$0]) << 8 | Int(bytes[$0 + 1]), radix: 16) }
                .joined(separator: "-")
        }
    }

    /// The name that the resolver has for the address.
    func lookUpName() -> String? {
        var name = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let result = withSocketAddress { address, length in
            getnameinfo(address, length, &name, socklen_t(name.count), nil, 0, NI_NAMEREQD)
        }
        guard result == 0 else { return nil }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func local(to destination: HostAddress) -> HostAddress? {
        let family = if case .v4 = destination { AF_INET } else { AF_INET6 }
        let descriptor = socket(family, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        guard destination.withSocketAddress({ connect(descriptor, $0, $1) }) == 0 else { return nil }
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard getsockname(descriptor, address, &length) == 0 else { return nil }
                return HostAddress(UnsafeRawPointer(address), family)
            }
        }
    }

    private init?(_ address: UnsafeRawPointer, _ family: Int32) {
        if family == AF_INET {
            var bytes = address.load(as: sockaddr_in.self).sin_addr
            self = .v4(withUnsafeBytes(of: &bytes) { Array($0) })
        } else {
            var bytes = address.load(as: sockaddr_in6.self).sin6_addr
            self = .v6(withUnsafeBytes(of: &bytes) { Array($0) })
        }
    }

    private func withSocketAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        func call<Address>(_ address: Address) -> Result {
            withUnsafePointer(to: address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<Address>.size))
                }
            }
        }
        switch self {
        case .v4(let bytes):
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(9).bigEndian
            withUnsafeMutableBytes(of: &address.sin_addr) { $0.copyBytes(from: bytes.prefix($0.count)) }
            return call(address)
        case .v6(let bytes):
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = in_port_t(9).bigEndian
            withUnsafeMutableBytes(of: &address.sin6_addr) { $0.copyBytes(from: bytes.prefix($0.count)) }
            return call(address)
        }
    }
}
