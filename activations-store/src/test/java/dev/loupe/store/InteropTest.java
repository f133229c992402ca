package dev.loupe.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Progress;
import dev.loupe.fixtures.Cases;
import dev.loupe.fixtures.Floats;
import dev.loupe.fixtures.Python;
import dev.loupe.math.Matrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InteropTest {
    private static final String READ = """
            import glob, sys
            import numpy as np, pyarrow as pa, pyarrow.ipc as ipc
            store = sys.argv[1]
            def read(folder):
                tables = []
                for name in sorted(glob.glob(f"{store}/{folder}/*.arrow")):
                    with pa.memory_map(name) as source:
                        table = ipc.open_file(source).read_all()
                        table.validate(full=True)
                        assert all(c.null_count == 0 for c in table.columns), name
                        tables.append(table)
                return pa.concat_tables(tables)
            for argument in sys.argv[2:]:
                hook, dtype = argument.split("=")
                table = read(hook)
                field = table.schema.field("activation")
                assert field.metadata[b"loupe.dtype"] == dtype.encode()
                width = field.type.list_size
                flat = table.column("activation").combine_chunks().flatten().to_numpy(zero_copy_only=False)
                if dtype == "bf16":
                    assert flat.dtype == np.uint16
                    flat = (flat.astype(np.uint32) << 16).view(np.float32)
                else:
                    assert flat.dtype == np.dtype(dtype)
                expected = np.fromfile(f"{store}/../{hook}.bin", dtype="<f4")
                got = flat.astype(np.float32)
                assert got.shape == expected.shape and (got.view(np.uint32) == expected.view(np.uint32)).all(), hook
            tokens = read("tokens")
            expected = np.fromfile(f"{store}/../tokens.bin", dtype="<i4").reshape(-1, 4)
            for i, name in enumerate(["token_id", "sequence", "position", "document"]):
                assert (tokens.column(name).to_numpy() == expected[:, i]).all(), name
            documents = ipc.open_file(f"{store}/documents.arrow").read_all()
            labels = documents.column("label").to_pylist()
            assert tokens.column("label").to_pylist() == [labels[d] for d in expected[:, 3]]
            sequences = read("sequences")
            assert sum(len(s) - 1 for s in sequences.column("tokens").to_pylist()) == len(expected)
            print("equal", len(expected))
            """;

    private static final String DUCKDB = """
            import sys
            import duckdb, pyarrow.dataset as ds
            store = sys.argv[1]
            tokens = ds.dataset(f"{store}/tokens", format="ipc")
            documents = ds.dataset(f"{store}/documents.arrow", format="ipc")
            acts = ds.dataset(f"{store}/h", format="ipc")
            connection = duckdb.connect()
            for row in connection.sql("select d.label, d.held_out, count(*) from tokens t join documents d "
                                      "on t.document = d.document group by all order by all").fetchall():
                print(*row, sep="\\t")
            print(*connection.sql("select count(*), sum(activation[1]::double) from acts").fetchall()[0], sep="\\t")
            """;

    private static final String POLARS = """
            import sys
            import numpy as np, polars as pl
            store = sys.argv[1]
            table = pl.read_ipc(f"{store}/h/*.arrow")
            assert table["activation"].dtype == pl.Array(pl.Float32, 4), table["activation"].dtype
            got = table["activation"].to_numpy()
            expected = np.fromfile(f"{store}/../h.bin", dtype="<f4").reshape(-1, 4)
            assert (got.view(np.uint32) == expected.view(np.uint32)).all()
            tokens = pl.read_ipc(f"{store}/tokens/*.arrow")
            print(tokens.height, tokens["token_id"].sum())
            """;

    private static final String PARQUET = """
            import sys
            import duckdb, numpy as np, polars as pl, pyarrow.parquet as pq, pyarrow as pa, pyarrow.dataset as ds
            folder, store = sys.argv[1:3]
            for hook, dtype, width in ("a", "float32", 7), ("b", "float16", 33), ("c", "bf16", 9):
                expected = np.fromfile(f"{store}/../{hook}.bin", dtype="<f4").reshape(-1, width)
                table = ds.dataset(folder, format="parquet").to_table()
                item = pa.float16() if dtype == "float16" else pa.float32()
                assert table.schema.field(hook).type == pa.list_(pa.field("element", item, False), width), table.schema
                table.validate(full=True)
                flat = table.column(hook).combine_chunks().flatten().to_numpy(zero_copy_only=False).astype(np.float32)
                assert (flat.reshape(-1, width).view(np.uint32) == expected.view(np.uint32)).all(), hook
            frame = pl.read_parquet(f"{folder}/*.parquet")
            assert (frame["row"].to_numpy() == np.arange(frame.height)).all()
            expected = np.fromfile(f"{store}/../a.bin", dtype="<f4").reshape(-1, 7)
            assert (frame["a"].to_numpy() == expected).all()
            rows = duckdb.sql(f"select count(*), sum(a[1]::double), sum(len(c)), count(distinct label), "
                              f"sum(held_out::int) from '{folder}/*.parquet'").fetchall()[0]
            assert rows[0] == frame.height and abs(rows[1] - expected[:, 0].astype(np.float64).sum()) <= 1e-9 * abs(
                expected.astype(np.float64)).sum() and rows[2] == 9 * frame.height, rows
            assert rows[3] == frame["label"].n_unique() and rows[4] == frame["held_out"].sum()
            print("equal", frame.height)
            """;

    private static final String WRITE = """
            import sys
            import numpy as np, pyarrow as pa, pyarrow.ipc as ipc
            values = np.fromfile(sys.argv[2], dtype="<f4")
            column = pa.FixedSizeListArray.from_arrays(pa.array(values), 6)
            table = pa.table({"activation": column})
            with ipc.new_file(sys.argv[1], table.schema) as writer:
                writer.write_table(table, max_chunksize=16)
            """;

    @TempDir
    Path folder;

    @Test
    void pyarrow_reads_every_file_with_equal_values() throws IOException {
        Path python = Python.require("That pyarrow reads the shards goes untested.");
        Map<String, StoreSpec.HookSpec> hooks = new LinkedHashMap<>();
        hooks.put("a", new StoreSpec.HookSpec(7, Dtype.FLOAT32));
        hooks.put("b", new StoreSpec.HookSpec(33, Dtype.FLOAT16));
        hooks.put("c", new StoreSpec.HookSpec(9, Dtype.BF16));
        TestStores.Expected e = TestStores.random(Cases.random(), 25, hooks);
        TestStores.write(folder.resolve("s"), TestStores.spec("s", hooks), e);
        for (String hook : hooks.keySet()) {
            dump(folder.resolve(hook + ".bin"), e.activations.get(hook));
        }
        ByteBuffer tokens = ByteBuffer.allocate(16 * e.rows.size()).order(ByteOrder.LITTLE_ENDIAN);
        e.rows.forEach(row -> {
            for (int value : row) {
                tokens.putInt(value);
            }
        });
        Files.write(folder.resolve("tokens.bin"), tokens.array());
        assertThat(Python.run(python, READ, folder.resolve("s"), "a=float32", "b=float16", "c=bf16")
                        .strip())
                .isEqualTo("equal " + e.rows.size());
    }

    @Test
    void duckdb_queries_a_store_through_pyarrow() throws IOException {
        Path python = Python.require("That DuckDB reads a store through pyarrow goes untested.");
        Map<String, StoreSpec.HookSpec> hooks = Map.of("h", new StoreSpec.HookSpec(4, Dtype.FLOAT32));
        TestStores.Expected e = TestStores.random(Cases.random(), 25, hooks);
        TestStores.write(folder.resolve("s"), TestStores.spec("s", hooks), e);
        Map<String, Integer> counts = new TreeMap<>();
        e.rows.forEach(row -> counts.merge(
                e.labels.get(row[3]) + "\t" + (e.heldOut.get(row[3]) ? "True" : "False"), 1, Integer::sum));
        List<String> lines =
                Python.run(python, DUCKDB, folder.resolve("s")).lines().toList();
        assertThat(lines.subList(0, lines.size() - 1))
                .isEqualTo(counts.entrySet().stream()
                        .map(c -> c.getKey() + "\t" + c.getValue())
                        .toList());
        String[] total = lines.get(lines.size() - 1).split("\t");
        assertThat(Integer.parseInt(total[0])).isEqualTo(e.rows.size());
        double sum = e.activations.get("h").stream().mapToDouble(x -> x[0]).sum();
        Floats.assertClose(new double[] {Double.parseDouble(total[1])}, new double[] {sum}, 1e-9);
    }

    @Test
    void polars_reads_a_store() throws IOException {
        Path python = Python.require("That polars reads a store goes untested.");
        Map<String, StoreSpec.HookSpec> hooks = Map.of("h", new StoreSpec.HookSpec(4, Dtype.FLOAT32));
        TestStores.Expected e = TestStores.random(Cases.random(), 25, hooks);
        TestStores.write(folder.resolve("s"), TestStores.spec("s", hooks), e);
        dump(folder.resolve("h.bin"), e.activations.get("h"));
        long sum = e.rows.stream().mapToLong(row -> row[0]).sum();
        assertThat(Python.run(python, POLARS, folder.resolve("s")).strip()).isEqualTo(e.rows.size() + " " + sum);
    }

    @Test
    void an_exported_store_is_read_by_pyarrow_polars_and_duckdb() throws IOException {
        Path python = Python.require("That exported Parquet files are read goes untested.");
        Map<String, StoreSpec.HookSpec> hooks = new LinkedHashMap<>();
        hooks.put("a", new StoreSpec.HookSpec(7, Dtype.FLOAT32));
        hooks.put("b", new StoreSpec.HookSpec(33, Dtype.FLOAT16));
        hooks.put("c", new StoreSpec.HookSpec(9, Dtype.BF16));
        TestStores.Expected e = TestStores.random(Cases.random(), 25, hooks);
        TestStores.write(folder.resolve("s"), TestStores.spec("s", hooks), e);
        for (String hook : hooks.keySet()) {
            dump(folder.resolve(hook + ".bin"), e.activations.get(hook));
        }
        try (ActivationStore store = ActivationStore.open(folder.resolve("s"))) {
            ParquetExport.write(store, folder.resolve("out"), Progress.silent());
        }
        assertThat(Python.run(python, PARQUET, folder.resolve("out"), folder.resolve("s"))
                        .strip())
                .isEqualTo("equal " + e.rows.size());
    }

    @Test
    void a_file_that_pyarrow_wrote_with_other_alignment_and_no_validity_reads_the_same() throws IOException {
        Path python = Python.require("That files of another Arrow writer are read goes untested.");
        List<float[]> rows = List.of(Cases.random().matrix(50, 6));
        dump(folder.resolve("values.bin"), rows);
        Path file = folder.resolve("foreign.arrow");
        Python.run(python, WRITE, file, folder.resolve("values.bin"));
        try (Arena arena = Arena.ofConfined()) {
            ArrowFile arrow = ArrowFile.open(file, arena, StoreTables.activation(6, Dtype.FLOAT32));
            assertThat(arrow.batches()).isEqualTo(4);
            Matrix out = Matrix.allocate(arena, 16, 6);
            for (int b = 0; b < 4; b++) {
                MemorySegment data = arrow.buffer(b, 0, 2);
                RowDecoder.of(Dtype.FLOAT32).decode(data, 0, out.segment(), 0, 6L * arrow.rows(b));
                for (int r = 0; r < arrow.rows(b); r++) {
                    Floats.assertIdentical(out.row(r), rows.get(16 * b + r));
                }
            }
        }
    }

    private static void dump(Path file, List<float[]> rows) throws IOException {
        ByteBuffer bytes =
                ByteBuffer.allocate(4 * rows.size() * rows.get(0).length).order(ByteOrder.LITTLE_ENDIAN);
        for (float[] row : rows) {
            for (float value : row) {
                bytes.putInt(Float.floatToRawIntBits(value));
            }
        }
        Files.write(file, bytes.array());
    }
}
