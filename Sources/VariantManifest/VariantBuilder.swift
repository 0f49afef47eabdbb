/// Makes the typed value of a variant out of its merged files, or the list of all that is wrong with them.
struct VariantBuilder {
    private let name: String
    private let loader: FragmentLoader
    private var problems: ProblemList

    /// A builder for what a loader has read.
    init(name: String, loader: FragmentLoader) {
        self.name = name
        self.loader = loader
        problems = loader.problems
    }

    /// The variant, resolved for all its architectures.
    ///
    /// - Throws: `ManifestError.invalid`.
    mutating func build() throws(ManifestError) -> Variant {
        let general = VariantMerger(files: loader.files, extended: loader.extended, architecture: nil)
        let architectures = general.list(.architectures).compactMap(Architecture.init(rawValue:))
        // What conflicts in general may be decided for every architecture.
        if architectures.isEmpty { note(general) }
        var resolved: [Architecture: ResolvedVariant] = [:]
        for architecture in architectures {
            let merged = VariantMerger(
                files: loader.files,
                extended: loader.extended,
                architecture: architecture
            )
            note(merged)
            // With a file missing, what else is missing would only hide the cause.
            if !loader.isIncomplete { resolved[architecture] = resolve(merged, for: architecture) }
        }
        if let version = general.text(.version),
            let problem = Variant.labelProblem(name: name, version: version.value)
        {
            problems.add(.badValue, version.location, "version, value \(quoted(version.value)): \(problem)")
        }
        guard problems.problems.isEmpty, let version = general.text(.version),
            let description = general.text(.description)
        else {
            throw .invalid(variant: name, problems: problems.problems.sorted { $0.location < $1.location })
        }
        return Variant(
            name: name,
            description: description.value,
            version: version.value,
            architectures: architectures,
            sources: loader.files.map(\.source),
            resolved: resolved
        )
    }

    private mutating func note(_ merged: VariantMerger) {
        for problem in merged.problems.problems {
            problems.add(problem.kind, problem.location, problem.message)
        }
    }

    private mutating func resolve(_ merged: VariantMerger, for architecture: Architecture) -> ResolvedVariant?
    {
        let layout = layout(merged)
        let erofs = erofs(merged)
        guard let kernel = merged.text(.kernelPackage) else {
            problems.add(
                .missingKey,
                SourceLocation(file: FragmentLoader.variantPath(name), line: 0),
                "the variant has no kernel for \(architecture); set 'kernel.package' or 'arch.\(architecture).kernel-package'"
            )
            return nil
        }
        let modules = merged.list(.kernelModules)
        let formats = merged.list(.imageFormats).compactMap(ImageFormat.init(rawValue:))
        return ResolvedVariant(
            name: name,
            description: merged.text(.description)?.value ?? "",
            version: merged.text(.version)?.value ?? "",
            architecture: architecture,
            packages: packages(merged, .packagesInclude),
            droppedPackages: packages(merged, .packagesDrop),
            overlays: merged.list(.overlays),
            containers: merged.list(.containers),
            kernel: ResolvedVariant.Kernel(
                package: RequestedPackage(name: kernel.value, origin: kernel.location),
                commandLine: merged.list(.kernelCommandLine),
                modules: modules.isEmpty ? ["**"] : modules,
                dropModules: merged.list(.kernelDropModules)
            ),
            initrd: ResolvedVariant.Initrd(
                modules: merged.list(.initrdModules),
                files: merged.list(.initrdFiles),
                overlays: merged.list(.initrdOverlays)
            ),
            image: ResolvedVariant.Image(
                formats: formats.isEmpty ? [.raw] : formats,
                sectorSize: merged.number(.imageSectorSize).map { Int($0.value) } ?? 512
            ),
            layout: layout,
            erofs: erofs,
            filter: ResolvedVariant.Filter(
                remove: merged.list(.filterRemove),
                keep: merged.list(.filterKeep)
            ),
            auditExceptions: merged.exceptions.map(\.value),
            alternatives: merged.alternatives,
            features: merged.list(.settingsFeatures),
            updateRoot: merged.text(.updatesRoot)?.value,
            units: ResolvedVariant.Units(
                enable: merged.list(.unitsEnable),
                disable: merged.list(.unitsDisable),
                mask: merged.list(.unitsMask),
                defaultTarget: merged.text(.unitsDefaultTarget)?.value ?? "multi-user.target"
            ),
            sources: loader.files.map(\.source)
        )
    }

    private func packages(_ merged: VariantMerger, _ setting: Setting) -> [RequestedPackage] {
        (merged.lists[setting] ?? []).map { RequestedPackage(name: $0.value, origin: $0.location) }
    }

    private mutating func layout(_ merged: VariantMerger) -> Layout {
        var layout = Layout()
        layout.espSize = merged.number(.espSize)?.value ?? layout.espSize
        layout.rootSize = merged.number(.rootSize)?.value ?? layout.rootSize
        layout.veritySize = merged.number(.veritySize)?.value ?? layout.veritySize
        layout.stateSize = merged.number(.stateSize)?.value ?? layout.stateSize
        let needed = Layout.verityBytes(forRoot: layout.rootSize)
        if needed > layout.veritySize {
            let place = merged.number(.veritySize) ?? merged.number(.rootSize)
            let mebibytes = (needed + BinarySize.mebibyte - 1) / BinarySize.mebibyte
            problems.add(
                .badValue,
                place?.location ?? SourceLocation(file: FragmentLoader.variantPath(name), line: 0),
                "layout.verity-size, value \(BinarySize.format(layout.veritySize)): the hash tree of a root of"
                    + " \(BinarySize.format(layout.rootSize)) needs \(mebibytes)MiB; make it at least that"
            )
        }
        return layout
    }

    private mutating func erofs(_ merged: VariantMerger) -> ErofsOptions {
        var options = ErofsOptions()
        if let name = merged.text(.erofsCompression),
            let compression = ErofsOptions.Compression(rawValue: name.value)
        {
            options.compression = compression
        }
        if let size = merged.number(.erofsClusterSize) { options.clusterSize = Int(size.value) }
        guard let level = merged.number(.erofsCompressionLevel) else { return options }
        options.level = Int(level.value)
        let levels = options.compression.levels
        if !(levels?.contains(Int(level.value)) ?? false) {
            let allowed =
                levels.map { "takes levels \($0.lowerBound)...\($0.upperBound)" } ?? "takes no level"
            problems.add(
                .badValue,
                level.location,
                "erofs.compression-level, value \(level.value): compression '\(options.compression)' \(allowed);"
                    + " change or remove the level"
            )
        }
        return options
    }
}
