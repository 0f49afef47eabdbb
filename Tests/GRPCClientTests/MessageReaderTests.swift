import NIOCore
import NIOHPACK
import Testing

@testable import GRPCClient

/// Messages and header fields, without a connection.
struct MessageReaderTests {
    @Test func messagesAreCutAtAnyPlace() throws {
        let messages: [[UInt8]] = [[1, 2, 3], [], [UInt8](repeating: 7, count: 1000)]
        let bytes = messages.flatMap { Array(buffer: MessageReader.framed($0)) }
        for size in [1, 2, 5, 7, 999, bytes.count] {
            var reader = MessageReader(limit: 1000)
            var read: [[UInt8]] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                try reader.append(ByteBuffer(bytes: bytes[start..<min(start + size, bytes.count)]))
                while let message = reader.next() { read.append(message) }
            }
            #expect(read == messages && reader.isEmpty && !reader.hasMessage)
        }
    }

    @Test func prefixIsJudgedBeforeTheMessage() throws {
        var reader = MessageReader(limit: 10)
        #expect(throws: MessageReader.Fault.compressed(flag: 1)) { try reader.append(ByteBuffer(bytes: [1])) }
        reader = MessageReader(limit: 10)
        try reader.append(ByteBuffer(bytes: [0, 0, 0, 0]))
        #expect(throws: MessageReader.Fault.tooLong) { try reader.append(ByteBuffer(bytes: [11])) }
        reader = MessageReader(limit: 10)
        try reader.append(ByteBuffer(bytes: [0, 0, 0, 0, 1, 9, 0, 0xff, 0xff, 0xff, 0xff]))
        #expect(reader.next() == [9])
        #expect(throws: MessageReader.Fault.tooLong) { try reader.check() }
    }

    @Test func timeoutHasEightDigitsAndIsNeverLess() {
        #expect(Fields.text(of: .nanoseconds(1)) == "1n")
        #expect(Fields.text(of: .milliseconds(99)) == "99000000n")
        #expect(Fields.text(of: .seconds(1)) == "1000000u")
        #expect(Fields.text(of: .nanoseconds(1_000_000_001)) == "1000001u")
        #expect(Fields.text(of: .seconds(3600)) == "3600000m")
        #expect(Fields.text(of: .seconds(1_000_000)) == "1000000S")
        #expect(Fields.text(of: .seconds(100_000_000)) == "1666667M")
        #expect(Fields.text(of: .seconds(99_999_999) + .nanoseconds(1)) == "1666667M")
        #expect(Fields.text(of: .microseconds(100_000)) == "100000u")
        #expect(Fields.text(of: Duration(secondsComponent: 0, attosecondsComponent: 1)) == "1n")
        #expect(Fields.text(of: .seconds(6_000_000_000)) == "1666667H")
        #expect(Fields.text(of: .seconds(Int64.max)) == "99999999H")
        #expect(Fields.text(of: .seconds(-1)) == "0n")
    }

    @Test func percentCodesAreDecoded() {
        #expect(Fields.decoded("a%20b") == "a b")
        #expect(Fields.decoded("%F0%9F%9A%a2") == "🚢")
        #expect(Fields.decoded("100%") == "100%")
        #expect(Fields.decoded("%4") == "%4")
        #expect(Fields.decoded("%zz%4%41") == "%zz%4A")
        #expect(Fields.decoded("%ff") == "\u{fffd}")
        #expect(Fields.decoded("") == "")
    }

    @Test func headIsJudged() {
        func fault(_ status: String?, _ type: String?) -> String? {
            var fields = HPACKHeaders()
            if let status { fields.add(name: ":status", value: status) }
            if let type { fields.add(name: "content-type", value: type) }
            return Fields.fault(inHead: fields)
        }
        #expect(fault("200", "application/grpc") == nil)
        #expect(fault("200", "application/grpc+proto") == nil)
        #expect(fault("200", "application/grpc;charset=x") == nil)
        #expect(fault("200", "application/grpcweb") != nil)
        #expect(fault("200", nil) != nil)
        #expect(fault("503", "application/grpc") != nil)
        #expect(fault(nil, "application/grpc") != nil)
    }

    @Test func waitDoublesUpToItsLimit() {
        let limits = GRPCConnection.Limits()
        #expect(limits.wait(failures: 0) == .zero)
        #expect(limits.wait(failures: 1) == .milliseconds(10))
        #expect(limits.wait(failures: 3) == .milliseconds(40))
        #expect(limits.wait(failures: 1_000_000) == .seconds(1))
        #expect(Duration.seconds(Int64.max).timeAmount == .seconds(1 << 31))
        #expect(Duration.milliseconds(-1).timeAmount == .zero)
        #expect(Duration.milliseconds(1500).timeAmount == .milliseconds(1500))
    }
}
