import Bytes
import Foundation
import TestSupport
import Testing

@Suite struct ByteSourceTests {
    @Test func integersAreReadLeastSignificantByteFirst() {
        let bytes: [UInt8] = [0xff, 1, 2, 3, 4, 5, 6, 7, 8]
        #expect(bytes.littleEndian(UInt8.self, at: 0) == 0xff)
        #expect(bytes.littleEndian(UInt16.self, at: 1) == 0x0201)
        #expect(bytes.littleEndian(UInt32.self, at: 1) == 0x0403_0201)
        #expect(bytes.littleEndian(UInt64.self, at: 1) == 0x0807_0605_0403_0201)
    }

    @Test func integersThatCrossTheEndAreNil() {
        let bytes: [UInt8] = [1, 2, 3]
        #expect(bytes.littleEndian(UInt32.self, at: 0) == nil)
        #expect(bytes.littleEndian(UInt16.self, at: 2) == nil)
        #expect(bytes.littleEndian(UInt16.self, at: -1) == nil)
        #expect(bytes.littleEndian(UInt8.self, at: Int.max) == nil)
        #expect(bytes.bounded(at: Int.max, count: 1) == nil)
        #expect(bytes.bounded(at: 1, count: Int.max) == nil)
        #expect(bytes.bounded(at: 1, count: 2) == [2, 3])
    }

    @Test func appendingIsTheInverseOfReading() {
        var bytes: [UInt8] = []
        bytes.appendLittleEndian(UInt16(0x1234))
        bytes.appendLittleEndian(UInt64(0x0123_4567_89ab_cdef))
        #expect(bytes == [0x34, 0x12, 0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01])
    }

    @Test func slicesAreBoundedByTheWhole() throws {
        let source = ByteSource(bytes: Array(0..<100))
        let slice = try source.slice(at: 10, size: 20).slice(at: 5, size: 5)
        #expect(try slice.read(at: 0, count: 5) == [15, 16, 17, 18, 19])
        #expect(throws: ByteSourceError.outOfBounds(offset: 3, count: 3, size: 5)) {
            try slice.read(at: 3, count: 3)
        }
        #expect(throws: ByteSourceError.outOfBounds(offset: 90, count: 11, size: 100)) {
            try source.slice(at: 90, size: 11)
        }
        #expect(throws: ByteSourceError.self) { try source.read(at: .max, count: 1) }
        #expect(throws: ByteSourceError.self) { try source.read(at: 0, count: -1) }
    }

    @Test func aShortAnswerIsAnError() {
        let source = ByteSource(size: 10) { _, _ in [1] }
        #expect(throws: ByteSourceError.shortRead(offset: 0, count: 4, got: 1)) {
            try source.read(at: 0, count: 4)
        }
    }

    @Test func filesAreReadAtAnyOffset() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("data")
        let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        try Data(bytes).write(to: URL(filePath: path))
        let source = try ByteSource(file: path)
        #expect(source.size == 10_000)
        #expect(try source.read(at: 9_990, count: 10) == Array(bytes.suffix(10)))
        #expect(try source.read(at: 0, count: 10_000) == bytes)
        #expect(throws: ByteSourceError.self) { try source.read(at: 9_990, count: 11) }
        #expect(throws: ByteSourceError.open(path: directory.file("none"), errno: ENOENT)) {
            try ByteSource(file: directory.file("none"))
        }
    }
}
