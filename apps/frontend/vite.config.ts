import { readFileSync } from "node:fs";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vite";

/** Answers the probes of the development server as nginx does in production. */
function health(): Plugin {
  return {
    name: "health",
    configureServer(server) {
      server.middlewares.use("/health", (_request, response) => {
        response.setHeader("Content-Type", "text/plain");
        response.end("ok\n");
      });
    },
  };
}

/** Says in each answer which revision of the source the server has seen: `moorage dev` waits for it. */
function revision(): Plugin {
  const file = process.env.MOORAGE_REVISION_FILE;
  return {
    name: "revision",
    configureServer(server) {
      if (file === undefined) {
        return;
      }
      // It is written after the files, and the watcher tells of them in that order.
      const read = () => readFileSync(file, "utf8").trim();
      let seen = read();
      server.watcher.add(file);
      server.watcher.on("all", (_event, path) => {
        if (path === file) {
          seen = read();
        }
      });
      server.middlewares.use((_request, response, next) => {
        response.setHeader("X-Moorage-Revision", seen);
        next();
      });
    },
  };
}

/**
 * Copies each script and style sheet to a name without its hash. During a rollout a page of the old release may ask a
 * pod of the new one for its assets; nginx then serves these.
 */
function stableCopies(): Plugin {
  return {
    name: "stable-copies",
    generateBundle(_options, bundle) {
      for (const file of Object.values(bundle)) {
        const match = /^assets\/(.+)-[\w-]{8}\.(js|css)$/.exec(file.fileName);
        if (match !== null) {
          const source = file.type === "chunk" ? file.code : file.source;
          this.emitFile({ type: "asset", fileName: `assets/current/${match[1]}.${match[2]}`, source });
        }
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), revision(), health(), stableCopies()],
  // The image's file system is read-only; on a developer's machine the usual place is as good.
  cacheDir: process.env.VITE_CACHE_DIR ?? "node_modules/.vite",
  server: {
    host: process.env.HTTP_HOST ?? "127.0.0.1",
    port: Number(process.env.HTTP_PORT ?? 8080),
    strictPort: true,
    // Behind the ingress /api never comes here; without one, a backend on this machine answers.
    proxy: { "/api": process.env.BACKEND_URL ?? "http://127.0.0.1:8000" },
  },
  build: { target: "es2022", sourcemap: false, assetsInlineLimit: 0 },
});
