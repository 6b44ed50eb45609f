from shop.definitions import catalogue as catalogue
