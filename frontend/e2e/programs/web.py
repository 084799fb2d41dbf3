"""A Flask application, and three requests to it, of which one fails."""

from flask import Flask, jsonify, request

app = Flask(__name__)
PRICES = {"tea": 3, "cake": 5, "</script><img src=x onerror=alert(1)>": 7}


@app.get("/total")
def total():
    names = request.args.getlist("name")
    rows = [{"name": name, "price": PRICES[name]} for name in names]
    print("asked for", names)
    return jsonify(total=sum(row["price"] for row in rows))


client = app.test_client()
print(client.get("/total?name=tea&name=cake").json)
print(client.get("/total?name=coffee").status)
