export * from "./namedwebsockets.js";
