*** Settings ***
Documentation    What robotframework-xray reports: after each test, as Cucumber's JSON.
Library          Xray

*** Test Cases ***
Pays
    [Tags]    %{PAYS}    REQ_SHOP-7
    Given the money lies there
    Then it is taken

Ships
    Given the money lies there
    Then nothing happens

*** Keywords ***
The money lies there
    Log    It does

It is taken
    Should Be Equal    2    2

Nothing happens
    Should Be Equal    402    500
