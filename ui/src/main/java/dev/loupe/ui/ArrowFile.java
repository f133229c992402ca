package dev.loupe.ui;

import com.vaadin.flow.server.streams.DownloadHandler;
import com.vaadin.flow.server.streams.DownloadResponse;
import dev.loupe.service.ArrowTable;
import java.io.ByteArrayInputStream;
import java.util.Map;
import java.util.function.Supplier;

/** The numbers behind a picture as an Arrow file. */
final class ArrowFile {
    private ArrowFile() {}

    /** A download, written when it is asked for; columns as {@link ArrowTable} has them. */
    static DownloadHandler of(String name, Supplier<Map<String, Object>> columns) {
        return DownloadHandler.fromInputStream(event -> {
            byte[] bytes = ArrowTable.bytes(columns.get());
            return new DownloadResponse(
                    new ByteArrayInputStream(bytes), name + ".arrow", ArrowTable.MEDIA_TYPE, bytes.length);
        });
    }
}
