// Run once, by the image, when the data folder is empty: pacs_module's user may read and write its own database and nothing else.
db.getSiblingDB("aipull").createUser({
  user: "aipull",
  pwd: process.env.AIPULL_MONGO_PASSWORD,
  roles: [{ role: "readWrite", db: "aipull" }],
});
