import Eventually

/// The tables and functions of the catalog: which read models a database has, their generations and savepoints, and which generation is
/// live.
enum CatalogSchema {
  /// The version that this code makes and works with.
  static var version: Int { 2 }

  /// What leads from each version to the next; the first makes it all.
  static func steps(_ names: ReadModelNames) -> [[String]] { [first(names), notes] }

  private static func first(_ names: ReadModelNames) -> [String] {
    tables + functions(names, SQLText.name(names.catalog))
  }

  private static let readModel = "The read model."

  private static let tables: [String] =
    [
      """
      CREATE TABLE catalog (
        only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
        schema_version integer NOT NULL,
        application text
      )
      """
    ]
    + SQLText.comments(
      on: "catalog", "What these tables are.",
      [
        "only_row": SQLText.onlyRow,
        "schema_version": "Version of these tables and functions; a program refuses a newer one.",
        "application": "The role of workers and queries; NULL where it is the owner.",
      ])
    + [
      """
      CREATE TABLE generations (
        name text COLLATE "C" NOT NULL,
        number integer NOT NULL CHECK (number BETWEEN 1 AND 999999999),
        schema_version integer NOT NULL,
        schema text NOT NULL,
        layout integer NOT NULL,
        store_id text NOT NULL,
        partitions integer NOT NULL,
        origin text NOT NULL,
        created timestamptz NOT NULL,
        is_building boolean NOT NULL DEFAULT true,
        replay text,
        live_until timestamptz,
        dropped timestamptz,
        PRIMARY KEY (name, number)
      )
      """
    ]
    + SQLText.comments(
      on: "generations",
      "Builds of read models, each with tables of its own in a schema. Rows stay when one is dropped: numbers only rise.",
      [
        "name": readModel, "number": "1, 2, 3 … of each read model.",
        "schema_version": "The version of the read model's tables.",
        "schema": "Where its tables are.",
        "layout": "The version of the tables beside the read model's own.",
        "store_id": "The store that its events come from.",
        "partitions": "How many partitions that store has.",
        "origin": "What it was begun from.", "created": "When it was begun.",
        "is_building": "It has never caught up with the store yet.",
        "replay": "What the replay was asked for that builds it; NULL for workers.",
        "live_until": "When another generation took its place; NULL for never.",
        "dropped": "When it was dropped; NULL where it exists.",
      ])
    + [
      """
      CREATE TABLE read_models (
        name text COLLATE "C" NOT NULL,
        schema_version integer NOT NULL,
        live integer,
        PRIMARY KEY (name, schema_version),
        FOREIGN KEY (name, live) REFERENCES generations (name, number)
      ) WITH (fillfactor = 50)
      """
    ]
    + SQLText.comments(
      on: "read_models",
      "Which generation of a read model is live: workers write to it, and queries are answered from it.",
      [
        "name": readModel,
        "schema_version":
          "The version of the read model's tables; programs of two versions can work side by side.",
        "live": "The generation's number; NULL for none.",
      ])
    + [
      """
      CREATE TABLE savepoints (
        name text COLLATE "C" NOT NULL,
        savepoint text COLLATE "C" NOT NULL,
        schema_version integer NOT NULL,
        schema text NOT NULL UNIQUE,
        layout integer NOT NULL,
        store_id text NOT NULL,
        partitions integer NOT NULL,
        saved timestamptz NOT NULL,
        is_automatic boolean NOT NULL,
        positions bigint[] NOT NULL,
        sequence bigint NOT NULL,
        rows bigint NOT NULL,
        digest text NOT NULL,
        seal text NOT NULL,
        PRIMARY KEY (name, savepoint)
      )
      """
    ]
    + SQLText.comments(
      on: "savepoints", "Named copies of read models as they stood at one moment.",
      [
        "name": readModel, "savepoint": "The name of the copy.",
        "schema_version": "The version of the read model's tables.",
        "schema": "Where the copy's tables are; pg_dump --schema saves them.",
        "layout": "The version of the tables beside the read model's own.",
        "store_id": "The store that its events come from.",
        "partitions": "How many partitions that store has.", "saved": "When it was saved.",
        "is_automatic": "A worker saved it by itself, and may delete it.",
        "positions": "How far each partition was, from partition 0; 0 for nothing.",
        "sequence": "The sequence number of the newest event in it.",
        "rows": "How many rows the read model's tables have.",
        "digest": "SHA-256 of those rows.", "seal": "SHA-256 of the other tables.",
      ])

  /// Adds what replays tell of themselves.
  private static let notes: [String] =
    ["ALTER TABLE generations ADD COLUMN note text, ADD COLUMN noted timestamptz"]
    + [
      "note": "What the replay has told of itself last, as JSON; NULL for nothing.",
      "noted": "When that was.",
    ].map { SQLText.comment(on: "COLUMN generations.\($0)", $1) }

  /// What the application has done as the owner, who alone may make schemas in the database: on schemas of read models and no others.
  private static func functions(_ names: ReadModelNames, _ schema: String) -> [String] {
    let check = """
      IF NOT starts_with(schema, \(SQLText.literal(names.prefix))) THEN
          RAISE EXCEPTION 'schema % is no read model''s', schema USING ERRCODE = 'insufficient_privilege';
        END IF;
      """
    let definer = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = \(schema), pg_temp"
    return [
      """
      CREATE FUNCTION make_schema(schema text, comment text) RETURNS void \(definer) AS $$
      DECLARE
        role name;
      BEGIN
        \(check)
        EXECUTE format('CREATE SCHEMA %I', schema);
        EXECUTE format('COMMENT ON SCHEMA %I IS %L', schema, comment);
        FOR role IN SELECT session_user UNION SELECT application FROM catalog WHERE application IS NOT NULL LOOP
          EXECUTE format('GRANT ALL ON SCHEMA %I TO %I', schema, role);
        END LOOP;
      END $$
      """,
      """
      CREATE FUNCTION share_tables(schema text) RETURNS void LANGUAGE plpgsql SET search_path = \(schema), pg_temp AS $$
      DECLARE
        role name := (SELECT application FROM catalog);
      BEGIN
        IF role IS NOT NULL THEN
          EXECUTE format('GRANT ALL ON ALL TABLES IN SCHEMA %I TO %I', schema, role);
        END IF;
      END $$
      """,
      """
      CREATE FUNCTION drop_table(schema text, name text) RETURNS void \(definer) AS $$
      BEGIN
        \(check)
        EXECUTE format('DROP TABLE IF EXISTS %I.%I', schema, name);
      END $$
      """,
      """
      CREATE FUNCTION drop_schema(schema text) RETURNS void \(definer) AS $$
      BEGIN
        \(check)
        EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', schema);
      END $$
      """,
      "REVOKE ALL ON ALL FUNCTIONS IN SCHEMA \(schema) FROM PUBLIC",
    ]
  }

  /// What the application's role may do.
  static func grants(_ names: ReadModelNames, to role: String) -> [String] {
    let (schema, role) = (SQLText.name(names.catalog), SQLText.name(role))
    return [
      "GRANT USAGE ON SCHEMA \(schema) TO \(role)",
      "GRANT SELECT ON catalog TO \(role)",
      "GRANT SELECT, INSERT, UPDATE, DELETE ON read_models, generations, savepoints TO \(role)",
      "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA \(schema) TO \(role)",
    ]
  }
}
