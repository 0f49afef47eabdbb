import Testing
import VariantManifest

@testable import ImageBuilder

@Suite struct RepartDefinitionsTests {
    @Test func slotsHaveEqualSizesAndSlotBIsEmpty() {
        let definitions = Dictionary(
            uniqueKeysWithValues: RepartDefinitions.definitions(Layout()).map { ($0.name, $0.text) }
        )
        let root = "[Partition]\nType=root\nSizeMinBytes=2147483648\nSizeMaxBytes=2147483648\n"
        let flags = "ReadOnly=yes\nGrowFileSystem=no\n"
        #expect(definitions["20-slot-a-root"] == root + flags)
        #expect(definitions["30-slot-b-root"] == root + "Label=_empty\n" + flags)
        #expect(definitions["40-state"]?.hasSuffix("Label=state\nFormat=ext4\n") == true)
    }

    @Test func dataHasNoUpperBound() {
        let data = RepartDefinitions.definitions(Layout()).last
        #expect(data?.name == "50-data")
        #expect(data?.text.contains("SizeMaxBytes") == false)
        #expect(data?.text.contains("GrowFileSystem=yes") == true)
    }
}
